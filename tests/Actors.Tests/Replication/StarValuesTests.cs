using Actors.Replication;
using Actors.Replication.Star;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Progress, ReadQueue, RequestNumbers and Deque: what a primary keeps count of.</summary>
public sealed class StarValuesTests
{
    private readonly Progress _progress = new(Member("n2"), next: 5, new Lag(SettingsTests.Valid(), Ms(0)), Ms(0));

    [Fact]
    public void An_ack_is_cumulative_and_frees_the_window()
    {
        _progress.Sent(6, 100, Ms(1));
        _progress.Sent(8, 50, Ms(2));
        Assert.Equal((9, 150), (_progress.Next, _progress.BytesInFlight));

        _progress.Acknowledged(number: 2, durable: 7, Ms(10));
        Assert.Equal((7, 9, 50), (_progress.Match, _progress.Next, _progress.BytesInFlight));
        _progress.Acknowledged(number: 3, durable: 8, Ms(11));
        Assert.Equal((8, 0), (_progress.Match, _progress.BytesInFlight));
    }

    [Fact]
    public void A_member_has_room_while_the_bytes_on_their_way_are_below_the_window_and_is_busy_from_the_second_message_on()
    {
        Assert.True(_progress.HasRoom(100));
        _progress.Sent(6, 99, Ms(1));
        Assert.True(_progress.HasRoom(100));
        Assert.False(_progress.IsBusy);
        _progress.Sent(7, 1, Ms(1));
        Assert.False(_progress.HasRoom(100));
        Assert.True(_progress.IsBusy);
        _progress.Acknowledged(1, 6, Ms(2));
        Assert.True(_progress.HasRoom(100));
        Assert.False(_progress.IsBusy);
    }

    [Fact]
    public void What_is_cut_is_never_sent()
    {
        _progress.NotBefore(3);
        Assert.Equal(5, _progress.Next);
        _progress.NotBefore(9);
        Assert.Equal(9, _progress.Next);
    }

    [Fact]
    public void A_member_is_heard_by_what_its_node_said_last()
    {
        _progress.Vouched(Ms(7));
        Assert.Equal(Ms(7), _progress.HeardAt);
        _progress.Vouched(Ms(5));
        Assert.Equal(Ms(7), _progress.HeardAt);
    }

    [Fact]
    public void An_overtaken_ack_takes_nothing_back()
    {
        _progress.Sent(8, 100, Ms(1));
        _progress.Acknowledged(number: 3, durable: 8, Ms(10));
        _progress.Acknowledged(number: 2, durable: 6, Ms(11));
        Assert.Equal((8, 9, 3), (_progress.Match, _progress.Next, _progress.Answered));
        Assert.Equal(Ms(11), _progress.HeardAt);
    }

    [Fact]
    public void It_owes_an_ack_from_the_first_entries_it_did_not_acknowledge_on()
    {
        Assert.Equal(TimeSpan.MaxValue, _progress.OwesSince);
        _progress.Sent(6, 1, Ms(1));
        _progress.Sent(7, 1, Ms(2));
        Assert.Equal(Ms(1), _progress.OwesSince);
        _progress.Acknowledged(1, 0, Ms(5));            // a heartbeat's answer pays no debt
        Assert.Equal(Ms(1), _progress.OwesSince);
        _progress.Acknowledged(2, 6, Ms(6));
        Assert.Equal(Ms(6), _progress.OwesSince);       // progress: the clock starts again
        _progress.Acknowledged(3, 7, Ms(7));
        Assert.Equal(TimeSpan.MaxValue, _progress.OwesSince);
    }

    [Fact]
    public void Only_the_first_of_several_mismatches_of_one_window_rewinds()
    {
        _progress.Sent(6, 1, Ms(1));
        _progress.Sent(7, 1, Ms(1));
        Assert.True(_progress.Rewind(number: 1, next: 3, Ms(2)));
        Assert.Equal((3, 0), (_progress.Next, _progress.BytesInFlight));
        _progress.Resent(4);
        Assert.False(_progress.Rewind(number: 2, next: 3, Ms(3)));      // was sent before the rewind
        Assert.False(_progress.Rewind(number: 4, next: 3, Ms(3)));      // overtook message 3
        Assert.True(_progress.Rewind(number: 3, next: 2, Ms(4)));       // agrees only further back
        Assert.Equal(2, _progress.Next);
        Assert.True(_progress.Rewind(number: 5, next: 2, Ms(4)));
        Assert.Equal(2, _progress.Next);
    }

    [Fact]
    public void Nothing_rewinds_below_what_is_known_to_match()
    {
        _progress.Sent(8, 1, Ms(1));
        _progress.Acknowledged(1, 8, Ms(2));
        _progress.Rewind(number: 2, next: 3, Ms(3));
        Assert.Equal(9, _progress.Next);
    }

    [Fact]
    public void Whoever_answers_is_no_longer_suspected()
    {
        _progress.Suspected = true;
        _progress.Acknowledged(1, 0, Ms(1));
        Assert.False(_progress.Suspected);
        _progress.Suspected = true;
        _progress.Rewind(1, 1, Ms(1));
        Assert.False(_progress.Suspected);
    }

    [Fact]
    public void What_matches_stays_below_what_comes_next() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 10], Gen.Int[0, 20]).Array[1, 40].Sample(steps =>
        {
            var progress = new Progress(Member("n2"), 5, new Lag(SettingsTests.Valid(), Ms(0)), Ms(0));
            var number = 0;
            foreach (var (verb, a, b) in steps)
            {
                switch (verb)
                {
                    case 0: progress.Sent(progress.Next + a, 10, Ms(number++)); break;
                    case 1: progress.Acknowledged(a, b, Ms(number)); break;
                    default: progress.Rewind(a, b, Ms(number)); break;
                }

                Assert.InRange(progress.Match, 0, progress.Next - 1);
                Assert.InRange(progress.BytesInFlight, 0, int.MaxValue);
            }
        });

    [Fact]
    public void A_read_is_confirmed_only_by_an_answer_to_a_message_sent_after_it_arrived()
    {
        var reads = new ReadQueue();
        reads.Add(lastNumber: 5, "c", Read(1));
        Assert.False(reads.TryTake(answered: 5, out _, out _));
        Assert.True(reads.TryTake(answered: 6, out var client, out var request));
        Assert.Equal(("c", 1L), (client, request.Sequence));
        Assert.False(reads.TryTake(answered: 9, out _, out _));
    }

    [Fact]
    public void One_round_confirms_every_read_before_it_and_none_after_it()
    {
        var reads = new ReadQueue();
        reads.Add(5, "a", Read(1));
        reads.Add(5, "b", Read(2));
        reads.Add(6, "c", Read(3));
        Assert.True(reads.TryTake(6, out _, out _));
        Assert.True(reads.TryTake(6, out _, out _));
        Assert.False(reads.TryTake(6, out _, out _));
        Assert.Equal(["c"], reads.Clear());
        Assert.Equal(0, reads.Count);
    }

    [Fact]
    public void Copies_and_overtaken_messages_of_a_client_are_not_new()
    {
        var numbers = new RequestNumbers();
        Assert.True(numbers.IsNew("a", 5));
        Assert.False(numbers.IsNew("a", 5));
        Assert.False(numbers.IsNew("a", 4));
        Assert.True(numbers.IsNew("b", 4));
        Assert.True(numbers.IsNew("a", 6));
    }

    [Fact]
    public void The_client_that_was_silent_for_longest_is_forgotten_first()
    {
        var numbers = new RequestNumbers();
        numbers.IsNew("old", 1);
        numbers.IsNew("busy", 1);
        for (var i = 0; i < 9_998; i++)
            numbers.IsNew($"c{i}", 1);
        numbers.IsNew("busy", 2);
        numbers.IsNew("one more", 1);
        Assert.False(numbers.IsNew("busy", 2));
        Assert.True(numbers.IsNew("old", 1));
        Assert.True(numbers.IsNew("c0", 1));     // for each that comes another one goes
        Assert.False(numbers.IsNew("busy", 2));
    }

    [Fact]
    public void A_deque_agrees_with_a_list() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[1, 8]).Array[1, 60].Sample(steps =>
        {
            var (deque, list) = (new Deque<int>(), new List<int>());
            foreach (var (verb, times) in steps)
            {
                for (var i = 0; i < times; i++)
                {
                    switch (verb)
                    {
                        case 0 when list.Count > 0: Assert.Equal(list[0], deque.PopFront()); list.RemoveAt(0); break;
                        case 1 when list.Count > 0: Assert.Equal(list[^1], deque.PopBack()); list.RemoveAt(list.Count - 1); break;
                        case >= 2: deque.PushBack(i); list.Add(i); break;
                    }
                }

                Assert.Equal(list, Enumerable.Range(0, deque.Count).Select(i => deque[i]));
            }

            Assert.Throws<ArgumentOutOfRangeException>(() => deque[list.Count]);
            Assert.Throws<ArgumentOutOfRangeException>(() => deque[-1]);
        });

    private static Request Read(long sequence) => new(RequestKind.BarrierRead, sequence, default, default);
}
