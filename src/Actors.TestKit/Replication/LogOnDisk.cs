using Actors.Replication;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>What a node's disk holds of its group's log. Entries at or before the base were cut: it holds their effect.</summary>
internal sealed class LogOnDisk(SimNode node, GroupKeys keys)
{
    /// <summary>The entry at <paramref name="index"/>; null when it is not there.</summary>
    public LogEntry? At(long index) => Decode(node.Disk.Get(Table.Log, keys.Entry(index)));

    /// <summary>The entry that a crash at this instant would leave at <paramref name="index"/>.</summary>
    public LogEntry? DurableAt(long index) => Decode(node.Disk.GetDurable(Table.Log, keys.Entry(index)));

    /// <summary>The last entry that a crash at this instant would leave; there must be one.</summary>
    public LogEntry Last => LogEntry.FromFrame(node.Disk.Scan(Table.Log, keys.Entry(0), keys.Entry(long.MaxValue)).Last().Value);

    /// <summary>True when a crash at this instant would leave the entry, or the state that covers it.</summary>
    public bool HoldsDurably(long index) => DurableAt(index) is not null || DurableBase.Position.Index >= index;

    /// <summary>Where the log would begin after a crash at this instant.</summary>
    public LogBase DurableBase => node.Disk.GetDurable(Table.Meta, keys.Base) is { } bytes ? LogBase.Decode(bytes) : default;

    /// <summary>Up to where the state in use would be applied after a crash at this instant; 0 before the first state.</summary>
    public long DurableState => node.Disk.GetDurable(Table.State, State.Of(Applier.PositionKey)) is { } stamp ? Applier.ReadStamp(stamp).Position.Index : 0;

    /// <summary>The group's first entry; null on a disk that knows of no group.</summary>
    public byte[]? Genesis => node.Disk.Get(Table.Meta, keys.Genesis);

    /// <summary>Who its replica would be after a crash at this instant; none without a membership.</summary>
    public Actors.Membership.MemberId Member => node.Disk.GetDurable(Table.Meta, keys.Membership) is { } bytes ? MembershipRecord.Decode(bytes).Id : default;

    /// <summary>The keys of the state that is in use.</summary>
    public StateKeys State => keys.State(DurableBase.Generation);

    private static LogEntry? Decode(byte[]? frame) => frame is null ? null : LogEntry.FromFrame(frame);
}
