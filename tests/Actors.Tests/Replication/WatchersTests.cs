using System.Text;
using System.Threading.Channels;
using Actors.Replication;
using CsCheck;

namespace Actors.Tests.ReplicationTests;

public sealed class WatchersTests
{
    [Fact]
    public void The_ring_holds_the_newest_changes_and_says_from_where_on_it_is_complete() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[0, 2].Array[0, 20], Gen.Int[0, 25]).Sample((capacity, steps, after) =>
        {
            var ring = new EventRing(capacity);
            var all = new List<GroupEvent>();
            var index = 0;
            foreach (var step in steps)
            {
                index += step;      // 0: another key of the same command
                if (index == 0)
                    continue;
                all.Add(Event(index, $"k{all.Count}"));
                ring.Add(all[^1]);
            }

            Assert.Equal(all.Where(e => e.Index > Math.Max(after, ring.CompleteAfter)), ring.After(Math.Max(after, ring.CompleteAfter), default));
            Assert.Equal(all.Count == 0 ? 0 : all[^1].Index, ring.Latest);
            Assert.True(all.Count(e => e.Index > ring.CompleteAfter) <= capacity);
            Assert.True(all.Count > capacity || ring.CompleteAfter == 0, "what fits is not forgotten");
        });

    [Fact]
    public void The_ring_gives_only_keys_with_the_prefix()
    {
        var ring = new EventRing(10);
        ring.Add(Event(1, "a/1"));
        ring.Add(Event(2, "b/1"));
        ring.Add(Event(3, "a/2"));
        Assert.Equal([1L, 3L], ring.After(0, "a/"u8.ToArray()).Select(e => e.Index));
    }

    [Fact]
    public void A_watcher_gets_what_happens_after_it_came()
    {
        var (ring, watchers) = New(10);
        ring.Add(Event(1, "old"));
        var channel = Watch(watchers, after: null);
        ring.Add(Event(2, "new"));
        watchers.Push();
        watchers.Push();
        Assert.Equal([2], Read(channel));
    }

    [Fact]
    public void A_watcher_that_resumes_gets_what_it_missed()
    {
        var (ring, watchers) = New(10);
        for (var i = 1; i <= 3; i++)
            ring.Add(Event(i, "k"));
        Assert.Equal([2, 3], Read(Watch(watchers, after: 1)));
    }

    [Fact]
    public void A_watcher_that_resumes_from_what_is_no_longer_held_is_told_from_where_it_can()
    {
        var (ring, watchers) = New(2);
        for (var i = 1; i <= 5; i++)
            ring.Add(Event(i, "k"));
        Assert.Equal(3, Oldest(Watch(watchers, after: 2)));
        Assert.Equal([4, 5], Read(Watch(watchers, after: 3)));
    }

    [Fact]
    public void After_a_restart_nothing_before_the_recovered_index_can_be_asked_for()
    {
        var (ring, watchers) = New(2);
        ring.StartAfter(7);
        Assert.Equal(7, Oldest(Watch(watchers, after: 6)));
        var channel = Watch(watchers, after: 7);
        ring.Add(Event(8, "k"));
        watchers.Push();
        Assert.Equal([8], Read(channel));
    }

    [Fact]
    public void A_slow_watcher_is_cut_off_and_the_others_go_on()
    {
        var (ring, watchers) = New(10);
        var (slow, fast) = (Watch(watchers, after: null, room: 1), Watch(watchers, after: null));
        ring.Add(Event(1, "k"));
        watchers.Push();
        ring.Add(Event(2, "k"));
        watchers.Push();
        Assert.Equal([1], Read(slow));
        Assert.Equal(1, Oldest(slow));
        ring.Add(Event(3, "k"));
        watchers.Push();
        Assert.Equal([1, 2, 3], Read(fast));
        Assert.Empty(Read(slow));
    }

    [Fact]
    public void A_watcher_that_a_burst_overran_is_cut_off_rather_than_shown_a_gap()
    {
        var (ring, watchers) = New(2);
        var channel = Watch(watchers, after: null);
        for (var i = 1; i <= 3; i++)
            ring.Add(Event(i, "k"));
        watchers.Push();
        Assert.Empty(Read(channel));
        Assert.Equal(1, Oldest(channel));
    }

    [Fact]
    public void A_watcher_that_left_gets_nothing_more()
    {
        var (ring, watchers) = New(10);
        var channel = Watch(watchers, after: null);
        watchers.Remove(channel.Writer);
        ring.Add(Event(1, "k"));
        watchers.Push();
        Assert.Empty(Read(channel));
        Assert.False(channel.Reader.Completion.IsCompleted);
    }

    [Fact]
    public void When_the_replica_stops_every_watch_ends()
    {
        var (_, watchers) = New(10);
        var channel = Watch(watchers, after: null);
        watchers.CompleteAll();
        Assert.True(channel.Reader.Completion.IsCompletedSuccessfully);
    }

    private static (EventRing Ring, Watchers Watchers) New(int capacity)
    {
        var ring = new EventRing(capacity);
        return (ring, new Watchers(ring));
    }

    private static Channel<GroupEvent> Watch(Watchers watchers, long? after, int room = 100)
    {
        var channel = Channel.CreateBounded<GroupEvent>(room);
        watchers.Add(new Subscribe(default, after, channel.Writer));
        return channel;
    }

    private static List<long> Read(Channel<GroupEvent> channel)
    {
        var indexes = new List<long>();
        while (channel.Reader.TryRead(out var change))
            indexes.Add(change.Index);
        return indexes;
    }

    private static long Oldest(Channel<GroupEvent> channel) => Assert.IsType<CompactedException>(channel.Reader.Completion.Exception?.InnerException).Oldest;

    private static GroupEvent Event(long index, string key) => new(index, Encoding.UTF8.GetBytes(key), default);
}
