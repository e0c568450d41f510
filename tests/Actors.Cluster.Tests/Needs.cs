namespace Actors.Cluster.Tests;

/// <summary>What a test cannot do without. It is skipped where that is missing, and fails there in CI, so that nothing hides behind a skip.</summary>
internal static class Needs
{
    /// <summary>Debian's package wamerican: 104,334 lines that nobody of this project wrote.</summary>
    public const string WordList = "/usr/share/dict/american-english";

    public static void RootAndNetworkNamespaces() =>
        Require(Environment.IsPrivilegedProcess && NodeProgram.OnPath("ip"), "root and ip(8), to make network namespaces");

    public static void RootAndMounts() => Require(Environment.IsPrivilegedProcess && NodeProgram.OnPath("mount"), "root and mount(8), to mount a small disk");

    public static void RootAndTunnels() =>
        Require(Environment.IsPrivilegedProcess && NodeProgram.OnPath("ip") && File.Exists("/dev/net/tun"), "root, ip(8) and /dev/net/tun, to lose and delay packets");

    public static void Words() => Require(File.Exists(WordList), $"{WordList} (Debian: wamerican)");

    private static void Require(bool isThere, string what)
    {
        if (isThere)
            return;
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"CI must have {what}: this test may not be skipped there");
        Skip.If(true, $"needs {what}");
    }
}
