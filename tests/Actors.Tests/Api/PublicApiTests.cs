using System.Reflection;
using System.Runtime.CompilerServices;
using PublicApiGenerator;

namespace Actors.Tests.Api;

/// <summary>What each package shows to its users, as approved: a change of it is a decision, not an accident.</summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("Actors")]
    [InlineData("Actors.Storage.RocksDb")]
    [InlineData("Actors.TestKit")]
    [InlineData("Actors.Hosting")]
    public void The_public_types_of_a_package_are_the_approved_ones(string package)
    {
        var options = new ApiGeneratorOptions { IncludeAssemblyAttributes = false };
        var received = Assembly.Load(package).GeneratePublicApi(options).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var (approvedFile, receivedFile) = (FileOf(package, "approved"), FileOf(package, "received"));
        if (File.Exists(approvedFile) && File.ReadAllText(approvedFile) == received)
        {
            File.Delete(receivedFile);
            return;
        }

        File.WriteAllText(receivedFile, received);
        Assert.Fail($"the public API of {package} is not the approved one; compare, and if the change is meant: mv {receivedFile} {approvedFile}");
    }

    private static string FileOf(string package, string kind, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, $"{package}.{kind}.txt");
}
