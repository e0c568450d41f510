using Actors.Hosting.Configuration;
using Actors.Tests.StorageTests;
using Akka.Configuration;

namespace Actors.Tests.HostingTests;

public sealed class ConfigFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void An_included_file_is_sought_beside_the_including_one_and_overridden_by_what_follows()
    {
        Write("shared/base.conf", "include \"more.conf\"\na { b = 1, c = 1 }");
        Write("shared/more.conf", "d = 4");
        var file = Write("node.conf", "include \"shared/base.conf\"\na.c = 2");

        var config = ConfigFile.Load(file);

        Assert.Equal((1, 2, 4), (config.GetInt("a.b"), config.GetInt("a.c"), config.GetInt("d")));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var file = Path.Combine(_folder.Root, "n9.conf");

        Assert.Equal($"{file}: no such file", Refusal(file));
    }

    [Fact]
    public void A_missing_included_file_is_named_with_the_file_and_line_that_include_it()
    {
        var file = Write("node.conf", "\ninclude \"bas.conf\"");

        Assert.Equal($"{file}:2: included file {Path.Combine(_folder.Root, "bas.conf")} does not exist", Refusal(file));
    }

    [Fact]
    public void A_mistake_in_an_included_file_is_reported_there()
    {
        var included = Write("base.conf", "a = 1\nb {");
        var file = Write("node.conf", "include \"base.conf\"");

        Assert.Equal($"{included}:2: '{{' is never closed", Refusal(file));
    }

    [Fact]
    public void Files_that_include_each_other_are_refused()
    {
        var a = Write("a.conf", "include \"b.conf\"");
        var b = Write("b.conf", "x = 1\ninclude \"a.conf\"");

        Assert.Equal($"{b}:2: {a} includes itself: {a} includes {b} includes {a}", Refusal(a));
    }

    [Fact]
    public void A_substitution_that_leads_nowhere_is_reported_in_one_line()
    {
        var file = Write("node.conf", "a = ${no.such.thing}");

        Assert.Equal($"{file}: Unresolved substitution: no.such.thing", Refusal(file));
    }

    public void Dispose() => _folder.Dispose();

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.Root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private static string Refusal(string file) => Assert.Throws<ConfigurationException>(() => ConfigFile.Load(file)).Message;
}
