using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Actors.Timing;

/// <summary>The time since the machine was started, the time that it was suspended included: a lease must not outlast a suspension.</summary>
internal static partial class BootClock
{
    private const int BootTime = 7;     // CLOCK_BOOTTIME of Linux

    private static readonly bool Exists = OperatingSystem.IsLinux() && Environment.Is64BitProcess && GetTime(BootTime, out _) == 0;

    /// <summary>Never goes back; elsewhere than on Linux it is <c>Stopwatch</c>'s, which may stand still while the machine is suspended.</summary>
    public static TimeSpan Now => Exists && GetTime(BootTime, out var time) == 0
        ? new TimeSpan(time.Seconds * TimeSpan.TicksPerSecond + time.Nanoseconds / TimeSpan.NanosecondsPerTick)
        : Stopwatch.GetElapsedTime(0);

    [LibraryImport("libc", EntryPoint = "clock_gettime"), SuppressGCTransition]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
