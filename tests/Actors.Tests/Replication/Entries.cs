using System.Text;
using Actors.Membership;
using Actors.Replication;

namespace Actors.Tests.ReplicationTests;

/// <summary>Names, ids and chained log entries for tests of the values.</summary>
internal static class Entries
{
    public static readonly GroupId Group = new("test");

    public static readonly GroupKeys Keys = new(Group);

    public static readonly GroupLimits Limits = new(MaxSessions: 3, SessionTimeoutMs: 1_000, MaxTokens: 3, TokenRetentionMs: 1_000);

    public static LogPosition At(long epoch, long index) => new(new Epoch(epoch), index);

    public static MemberId Member(string node, long joined = 0) => new(new NodeId(node), new Incarnation(7), joined == 0 ? LogPosition.Zero : At(1, joined));

    public static View View(params string[] members) => new([.. members.Select(m => Member(m))], []);

    public static EntryDraft Draft(string payload) => new(EntryKind.Command, At(1, 2), 1, 1, default, Encoding.UTF8.GetBytes(payload));

    /// <summary>Entries that follow <paramref name="before"/>, one per payload.</summary>
    public static List<LogEntry> Chain(long epoch, (LogPosition Position, UInt128 Hash) before, params IEnumerable<string> payloads)
    {
        var entries = new List<LogEntry>();
        var (index, hash) = (before.Position.Index, before.Hash);
        foreach (var payload in payloads)
        {
            entries.Add(LogEntry.Create(At(epoch, ++index), hash, 0, Draft(payload)));
            hash = entries[^1].Hash;
        }

        return entries;
    }

    public static string Text(this LogEntry entry) => Encoding.UTF8.GetString(entry.Payload.Span);
}
