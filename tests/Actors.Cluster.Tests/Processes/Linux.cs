using System.ComponentModel;
using System.Net.Sockets;
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
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;
    private const int NetworkNamespace = 0x40000000;

    public static void Send(int pid, Signal signal) => Check(Kill(pid, (int)signal));

    public static bool IsAlive(int pid) => Directory.Exists($"/proc/{pid}");

    /// <summary>A TCP socket that lives in the network namespace of this name, whoever uses it.</summary>
    public static Socket SocketIn(string networkNamespace)
    {
        // A namespace belongs to a thread, and a socket for ever to the one it was made in: so a thread goes there, and ends.
        Socket? socket = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var file = Open($"/var/run/netns/{networkNamespace}", ReadOnly | CloseOnExec);
                Check(file);
                Check(SetNamespace(file, NetworkNamespace));
                Check(Close(file));
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            }
            catch (Win32Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return socket ?? throw new IOException($"no socket in network namespace {networkNamespace}", failure);
    }

    private static void Check(int result)
    {
        if (result < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int file, int kind);
}
