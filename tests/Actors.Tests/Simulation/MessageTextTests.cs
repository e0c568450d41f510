using Actors.Membership;
using Actors.TestKit;

namespace Actors.Tests.SimulationTests;

/// <summary>What a person reads of a message in a trace.</summary>
public sealed class MessageTextTests
{
    private sealed record Line(string Text, int Count);

    private sealed record Letter(string To, IReadOnlyList<Line> Lines, ReadOnlyMemory<byte> Seal, ReadOnlyMemory<byte> Body, TimeSpan Due, bool Answered, Action? Done, string? Note = null);

    private sealed class Tick;

    [Fact]
    public void Items_and_bytes_are_shown_and_what_is_empty_is_not()
    {
        var letter = new Letter("n1", [new Line("a", 1), new Line("b", 0)], "key"u8.ToArray(), new byte[] { 1, 255 }, TimeSpan.FromMilliseconds(1.5), false, () => { });

        Assert.Equal("Letter { To = n1, Lines = [Line { Text = a, Count = 1 }, Line { Text = b, Count = 0 }], Seal = 'key', Body = 01ff, Due = 1.5 ms, Answered = False }", MessageText.Of(letter));
        Assert.Equal("Letter { To = n1, Body = 41 bytes, Due = 0 ms, Answered = True }", MessageText.Of(letter with { Lines = [], Seal = default, Body = new byte[41], Due = default, Answered = true, Done = null }));
    }

    [Fact]
    public void A_long_list_says_how_many_more_there_are() =>
        Assert.EndsWith("19, 20, 80 more]", MessageText.Of(Enumerable.Range(1, 100).ToList()), StringComparison.Ordinal);

    [Fact]
    public void A_message_without_content_is_its_name_and_a_type_with_a_text_of_its_own_is_believed()
    {
        Assert.Equal("Tick", MessageText.Of(new Tick()));
        Assert.Equal("2/7", MessageText.Of(new LogPosition(new Epoch(2), 7)));
    }
}
