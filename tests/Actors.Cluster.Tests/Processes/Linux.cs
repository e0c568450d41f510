using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Actors.Cluster.Tests;

/// <summary>A signal of Linux, by its number.</summary>
internal enum Signal
{
    Interrupt = 2,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

/// <summary>The calls into the system that .NET has no name for.</summary>
internal static partial class Linux
{
    public static void Send(int pid, Signal signal)
    {
        if (Kill(pid, (int)signal) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public static bool IsAlive(int pid) => Directory.Exists($"/proc/{pid}");

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
