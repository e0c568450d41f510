using System.Threading.Channels;
using Akka.Actor;

namespace Actors.Replication;

/// <summary>Local → replica: write the changes after <paramref name="After"/> (null: from now on) to keys with this prefix into the channel.</summary>
internal sealed record Subscribe(ReadOnlyMemory<byte> Prefix, long? After, ChannelWriter<GroupEvent> Writer) : INoSerializationVerificationNeeded;

/// <summary>Local → replica: no more into this channel.</summary>
internal sealed record Unsubscribe(ChannelWriter<GroupEvent> Writer) : INoSerializationVerificationNeeded;

/// <summary>Those who watch a replica's changes, each with a bounded channel: one that reads too slowly is cut off, not waited for.</summary>
internal sealed class Watchers(EventRing events)
{
    private readonly List<Watcher> _watchers = [];

    public void Add(Subscribe subscription)
    {
        var after = subscription.After ?? long.MaxValue;
        if (after < events.CompleteAfter)
        {
            subscription.Writer.TryComplete(new CompactedException(events.CompleteAfter));
            return;
        }

        var watcher = new Watcher(subscription.Prefix, subscription.Writer) { Seen = subscription.After ?? events.Latest };
        if (Push(watcher))
            _watchers.Add(watcher);
    }

    public void Remove(ChannelWriter<GroupEvent> writer) => _watchers.RemoveAll(w => w.Writer == writer);

    /// <summary>Hands every watcher what is new.</summary>
    public void Push() => _watchers.RemoveAll(w => !Push(w));

    public void CompleteAll()
    {
        foreach (var watcher in _watchers)
            watcher.Writer.TryComplete();
        _watchers.Clear();
    }

    private bool Push(Watcher watcher)
    {
        if (watcher.Seen < events.CompleteAfter)
        {
            watcher.Writer.TryComplete(new CompactedException(events.CompleteAfter));
            return false;
        }

        foreach (var change in events.After(watcher.Seen, watcher.Prefix))
        {
            if (!watcher.Writer.TryWrite(change))
            {
                watcher.Writer.TryComplete(new CompactedException(change.Index - 1));
                return false;
            }
        }

        watcher.Seen = Math.Max(watcher.Seen, events.Latest);
        return true;
    }

    private sealed class Watcher(ReadOnlyMemory<byte> prefix, ChannelWriter<GroupEvent> writer)
    {
        public ReadOnlyMemory<byte> Prefix { get; } = prefix;

        public ChannelWriter<GroupEvent> Writer { get; } = writer;

        public long Seen { get; set; }
    }
}
