using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Actors.Networks;

/// <summary>What is made in a network namespace other than this process's own, by calls into the system that .NET has no name for.</summary>
internal static partial class NetworkNamespace
{
    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const int NewNetwork = 0x40000000;
    private const nuint SetTunnel = 0x400454CA;
    private const short TunnelWithoutHeader = 0x1001;

    /// <summary>A TCP socket that lives in the network namespace of this name, whoever uses it.</summary>
    public static Socket SocketIn(string networkNamespace) =>
        In(networkNamespace, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });

    /// <summary>Makes a network interface in a network namespace whose packets, one IP packet at a time, are read from and written to the file that is returned.</summary>
    public static FileStream TunnelIn(string networkNamespace, string name) => In(networkNamespace, () =>
    {
        var file = Open("/dev/net/tun", ReadWrite | CloseOnExec);
        Check(file);
        var request = new byte[40];     // struct ifreq: name (16 bytes), flags
        System.Text.Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), TunnelWithoutHeader);
        Check(Control(file, SetTunnel, request));
        return new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(file, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 0);
    });

    /// <summary>Sleeps to within a fraction of a millisecond, which <see cref="Thread.Sleep(TimeSpan)"/> does not.</summary>
    public static void Sleep(TimeSpan time) => _ = SleepMicroseconds((uint)time.TotalMicroseconds);

    private static T In<T>(string networkNamespace, Func<T> make)
        where T : class
    {
        // A namespace belongs to a thread, and a socket for ever to the one it was made in: so a thread goes there, and ends.
        T? made = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var file = Open($"/var/run/netns/{networkNamespace}", ReadOnly | CloseOnExec);
                Check(file);
                Check(SetNamespace(file, NewNetwork));
                Check(Close(file));
                made = make();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return made ?? throw new IOException($"nothing could be made in network namespace {networkNamespace}", failure);
    }

    private static void Check(int result)
    {
        if (result < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int file, nuint request, byte[] argument);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int file, int kind);

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int SleepMicroseconds(uint time);
}
