using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Actors.Cluster.Tests;

/// <summary>The packages, as somebody uses them who has nothing else of this project.</summary>
public sealed partial class PackageTests(PackageTests.Packages packages, ITestOutputHelper output) : IClassFixture<PackageTests.Packages>, IDisposable
{
    // Nothing that is started for a build stays behind, holding the pipes of the one that was waited for.
    private static readonly string[] NothingStays = ["-nodeReuse:false", "-p:UseSharedCompilation=false"];

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("Actors", "lib/net10.0/Actors.xml")]
    [InlineData("Actors.Storage.RocksDb", "lib/net10.0/Actors.Storage.RocksDb.xml")]
    [InlineData("Actors.Hosting", "lib/net10.0/Actors.Hosting.xml")]
    [InlineData("Actors.TestKit", "lib/net10.0/Actors.TestKit.xml")]
    [InlineData("Actors.Node", "tools/net10.0/any/config/primary-backup.conf")]
    public void A_package_says_what_it_is_and_brings_what_it_needs(string name, string content)
    {
        using var package = ZipFile.OpenRead(packages.FileOf(name));
        using var specification = package.GetEntry($"{name}.nuspec")!.Open();
        var metadata = XDocument.Load(specification).Root!.Elements().Single();
        Assert.Equal("Apache-2.0", Value("license"));
        Assert.EndsWith(".", Value("description"), StringComparison.Ordinal);
        Assert.Contains(package.Entries, entry => entry.FullName == Value("readme"));
        Assert.Contains(package.Entries, entry => entry.FullName == content);

        string Value(string element) => metadata.Elements().Single(e => e.Name.LocalName == element).Value;
    }

    [Fact]
    public async Task The_program_installed_as_a_tool_runs_a_cluster_from_an_empty_folder()
    {
        var tools = _scratch.File("tools");
        // The package brings all that it needs: no other source is asked.
        await RequireAsync([NodeProgram.DotNet, "tool", "install", "Actors.Node", "--tool-path", tools, "--source", packages.Folder], _scratch.Path);

        var empty = Directory.CreateDirectory(_scratch.File("empty")).FullName;
        using var up = new RealUp(empty, program: [Path.Combine(tools, "actors")]);
        await up.StartAsync();
        Assert.Equal(0, (await up.CommandAsync("put", "greeting", "hello")).ExitCode);
        Assert.Equal("hello", (await up.CommandAsync("get", "greeting")).Output);
        var nodes = (await up.WholeAsync()).Nodes;
        Assert.Equal(0, await up.EndAsync(Signal.Terminate));
        Assert.All(nodes, node => Assert.False(Linux.IsAlive(node.Pid), $"{node.Name} still runs"));
    }

    [Fact]
    public async Task The_sample_application_builds_and_runs_on_the_packages_alone()
    {
        var sample = Path.Combine(SourceTree.Root, "tests", "Actors.Sample");
        var copy = Directory.CreateDirectory(_scratch.File("tests/Actors.Sample")).FullName;
        foreach (var file in Directory.EnumerateFiles(sample, "*.cs"))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        foreach (var file in Directory.EnumerateFiles(SourceTree.Root, "Directory.*.props"))
            File.Copy(file, _scratch.File(Path.GetFileName(file)));
        var project = await File.ReadAllTextAsync(Path.Combine(sample, "Actors.Sample.csproj"));
        await File.WriteAllTextAsync(Path.Combine(copy, "Actors.Sample.csproj"), ProjectOfOurs().Replace(project, $"""<PackageReference Include="$1" VersionOverride="{packages.Version}" />"""));

        // What others made is taken from where this build has it; ours must come out of the packages made for this test, whatever was installed before.
        string[] restore = [$"-p:RestoreAdditionalProjectSources={packages.Folder}", $"-p:RestorePackagesPath={_scratch.File("packages")}", $"-p:RestoreFallbackFolders={Packages.Cache}"];
        await RequireAsync([NodeProgram.DotNet, "build", copy, "--output", _scratch.File("bin"), .. restore, .. NothingStays], _scratch.Path);
        Assert.Equal(["actors", "actors.hosting", "actors.storage.rocksdb"], Directory.EnumerateDirectories(_scratch.File("packages")).Select(Path.GetFileName).Where(name => name!.StartsWith("actors", StringComparison.Ordinal)).Order());

        var story = await RequireAsync([NodeProgram.DotNet, "exec", _scratch.File("bin/Actors.Sample.dll"), FormattableString.Invariant($"{Ports.FreeInARow(3)}")], _scratch.Path);
        Assert.Contains("is back, reserved 6 apples: True", story.Output, StringComparison.Ordinal);
    }

    private async Task<CommandResult> RequireAsync(string[] commandLine, string folder)
    {
        var result = await NodeProgram.RunAsync(commandLine, folder);
        output.WriteLine($"{string.Join(' ', commandLine)}: {result}");
        Assert.Equal(0, result.ExitCode);
        return result;
    }

    [GeneratedRegex("""<ProjectReference Include="[^"]*/([\w.]+)\.csproj" />""")]
    private static partial Regex ProjectOfOurs();

    /// <summary>All packages, made of what was built beside these tests.</summary>
    public sealed class Packages : IAsyncLifetime, IDisposable
    {
        private readonly Scratch _scratch = new();

        /// <summary>Where this user's packages are kept once they have been restored.</summary>
        public static string Cache { get; } =
            Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

        public string Folder => _scratch.Path;

        public string Version { get; private set; } = "";

        public string FileOf(string name) => _scratch.File($"{name}.{Version}.nupkg");

        public async Task InitializeAsync()
        {
            var pack = await NodeProgram.RunAsync(
                [NodeProgram.DotNet, "pack", Path.Combine(SourceTree.Root, "Actors.sln"), "--no-build", "--configuration", SourceTree.Configuration, "--output", Folder, .. NothingStays], Folder);
            Assert.True(pack.ExitCode == 0, $"{pack}");
            const string Library = "Actors.";
            Version = Directory.EnumerateFiles(Folder).Select(file => Path.GetFileNameWithoutExtension(file)!).Single(name => name.StartsWith(Library, StringComparison.Ordinal) && char.IsDigit(name[Library.Length]))[Library.Length..];
        }

        public Task DisposeAsync() => Task.CompletedTask;

        public void Dispose() => _scratch.Dispose();
    }
}
