using Actors.Hosting.Configuration;
using Akka.Configuration;

namespace Actors.Tests.HostingTests;

public class HoconSyntaxTests
{
    [Theory]
    [InlineData("a {\n  b = 1\n", "a.conf:1: '{' is never closed")]
    [InlineData("a {\n  b = 1\n}\n}\nc = 2", "a.conf:4: '}' closes nothing")]
    [InlineData("a { b }\nc = 1", "a.conf:1: 'a.b' has no value: write a.b = ... or a.b { ... }")]
    [InlineData("a b c", "a.conf:1: 'a' has no value: write a = ... or a { ... }")]
    [InlineData("\n\na =\nb = 2", "a.conf:3: 'a' has no value in this line")]
    [InlineData("a = , b = 1", "a.conf:1: 'a' has no value: found ','")]
    [InlineData("a = [1, 2", "a.conf:1: '[' is never closed")]
    [InlineData("a = [1,, 2]", "a.conf:1: 'a[1]' has no value: found ','")]
    [InlineData("a = \"x\nb = 2\"", "a.conf:1: '\"' is not closed in this line")]
    [InlineData("a = \"\"\"x\nb = 2", "a.conf:1: '\"\"\"' is never closed")]
    [InlineData("a = \"c:\\data\"", "a.conf:1: '\\d' is no escape sequence: write \\\\ for a backslash")]
    [InlineData("x = 1\na = 127.0.0.1:80", "a.conf:2: ':' must stand in quotes: write a = \"...\"")]
    [InlineData("a = {b = 1} c", "a.conf:1: expected the end of the line after a, found 'c'")]
    [InlineData("a { b = 1 }, c = 2", "a.conf:1: expected the end of the line after a, found ','")]
    [InlineData("a = 1\n= 3", "a.conf:2: expected a key, found '='")]
    [InlineData("] = 1", "a.conf:1: expected a key, found ']'")]
    [InlineData("a.", "a.conf:1: expected a key, found the end of the file")]
    [InlineData("a += 1", "a.conf:1: '+=' is not supported: write the whole list")]
    [InlineData("a = ${?b}", "a.conf:1: '${?...}' is not supported: write the value")]
    [InlineData("a = $b", "a.conf:1: '$' begins a substitution, such as ${actors.node}; elsewhere it must stand in quotes")]
    [InlineData("a = ${a}", "a.conf:1: 'a' leads back to itself by ${a}")]
    [InlineData("a {\n b = ${c}\n}\nc = ${a}", "a.conf:2: 'a.b' leads back to itself by ${c}")]
    [InlineData("include file(\"b.conf\")", "a.conf:1: include takes a file name in quotes, such as include \"base.conf\"")]
    [InlineData("nodes { n1 = \"h:1\"\n n1 = \"h:2\" }", "a.conf:2: 'nodes.n1' is set twice, first in line 1")]
    [InlineData("a.b = 1\na { b = 2 }", "a.conf:2: 'a.b' is set twice, first in line 1")]
    public void A_text_that_is_wrong_is_refused_with_its_line(string text, string message) => Assert.Equal(message, Refusal(text));

    [Fact]
    public void Blocks_within_each_other_are_limited()
    {
        var text = string.Concat(Enumerable.Repeat("a {\n", 100_000));

        Assert.Equal("a.conf:65: more than 64 blocks within each other", Refusal(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a = 1 // comment\n# comment\nb { c = 2 } # comment\n")]
    [InlineData("a = 1, b = 2\r\nc : 3\r\n")]
    [InlineData("a = {\n b = 1 }, c = 3")]
    [InlineData("a { b { c = x } }\na.b.d = 10 MiB")]
    [InlineData("a\n{ b = 1 }")]
    [InlineData("a = [1, \"2 }\", [3]]\nb = [\n  1\n  2\n]")]
    [InlineData("a = [{ b = 1 }, { b = 2 }]")]
    [InlineData("\"a.b\" = \"{\"\na.b = \"}\"")]
    [InlineData("a = \"\"\"two\nlines } \" \"\"\"\nb = 1")]
    [InlineData("a { b = 1 }\nc = ${a.b} ms\nd = ${a}")]
    [InlineData("a = -1.5\nb = a+b\nc = x/y")]
    public void What_Akkas_parser_reads_rightly_is_accepted(string text)
    {
        Assert.Empty(HoconSyntax.Check("a.conf", text));
        ConfigurationFactory.ParseString(text);
    }

    [Fact]
    public void Includes_are_found_with_their_lines()
    {
        var includes = HoconSyntax.Check("a.conf", "include \"b.conf\"\na {\n  include \"c.conf\"\n}");

        Assert.Equal([("b.conf", 1), ("c.conf", 3)], includes);
    }

    private static string Refusal(string text) => Assert.Throws<ConfigurationException>(() => HoconSyntax.Check("a.conf", text)).Message;
}
