using System.IO.Hashing;
using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Storage;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>Turns committed entries into state: sessions and tokens first, then the user's state machine. The same on every replica.</summary>
/// <remarks>
/// Everything that an entry changes is in one <see cref="StateSpace"/> together with the applied position, so a flush is one atomic batch of
/// state, position, sessions, tokens and view (replication rules, 5.2 rule 10).
/// </remarks>
internal sealed class Applier
{
    /// <summary>The largest reply of a command: replies are kept for retries, as many as a session's window.</summary>
    public const int MaxReplyBytes = 8 << 10;

    /// <summary>Where a state says up to which entry it is applied.</summary>
    public static readonly byte[] PositionKey = [StateSpace.CoreSpace, 0];

    private readonly IStateMachine _machine;
    private readonly StateSpace _space;
    private readonly Sessions _sessions = new();
    private readonly Tokens _tokens;
    private readonly ByteWriter _reply = new();
    private long _revisionsAhead;
    private Restore? _restore;      // the last one
    private readonly Context _context;

    public Applier(IStateMachine machine, StateSpace space, int eventsKept)
    {
        _machine = machine;
        _space = space;
        _tokens = new Tokens(space);
        Events = new EventRing(eventsKept);
        _context = new Context(this);
    }

    /// <summary>The last applied entry.</summary>
    public LogPosition Position { get; private set; }

    /// <summary>The hash of the last applied entry.</summary>
    public UInt128 Hash { get; private set; }

    /// <summary>The log time of the last applied entry.</summary>
    public long Timestamp { get; private set; }

    /// <summary>The last applied view entry; null before the first.</summary>
    public ViewRecord? View { get; private set; }

    /// <summary>The index of <see cref="View"/>.</summary>
    public long ViewIndex { get; private set; }

    /// <summary>
    /// The revision that goes with <see cref="Position"/>: what clients are told as index. It is the entry's index, and larger by what a restored backup was
    /// ahead: a key keeps its revision through a backup, and no later write may have the same one.
    /// </summary>
    public long Revision => Position.Index + _revisionsAhead;

    /// <summary>The type of the state machine.</summary>
    public string StateMachine => _machine.GetType().FullName!;

    /// <summary>The restore that is under way; null when none is. Meanwhile nothing is served.</summary>
    public Restore? Restoring => _restore is { IsUnderWay: true } ? _restore : null;

    /// <summary>The latest published changes.</summary>
    public EventRing Events { get; }

    /// <summary>The index up to which the store holds the state.</summary>
    public long FlushedIndex { get; private set; }

    /// <summary>True when there is something to flush and no flush under way.</summary>
    public bool NeedsFlush => !_space.IsFlushing && Position.Index > FlushedIndex;

    /// <summary>Bytes changed since the last flush.</summary>
    public long ChangedBytes => _space.ChangedBytes;

    /// <summary>Reads the applied position, sessions and tokens back from the store.</summary>
    public void Load()
    {
        if (_space.GetFull(PositionKey) is { } record)
        {
            var reader = new ByteReader(record);
            (Position, Hash, Timestamp) = ReadStamp(ref reader);
            ViewIndex = reader.Int64();
            View = ViewRecord.Read(ref reader);
            _revisionsAhead = reader.Int64();
            _restore = reader.Bool() ? new Restore(reader.UInt128(), reader.Int64(), reader.Int64()) : null;
        }

        _sessions.LoadFrom(_space);
        _tokens.Load();
        FlushedIndex = Position.Index;
        Events.StartAfter(Revision);
    }

    /// <summary>Position, hash and log time in the record under <see cref="PositionKey"/>.</summary>
    public static (LogPosition Position, UInt128 Hash, long Timestamp) ReadStamp(byte[] record)
    {
        var reader = new ByteReader(record);
        return ReadStamp(ref reader);
    }

    private static (LogPosition Position, UInt128 Hash, long Timestamp) ReadStamp(ref ByteReader reader)
        => (new LogPosition(new Epoch(reader.Int64()), reader.Int64()), reader.UInt128(), reader.Int64());

    /// <summary>What is known of a request before it is appended: an optimisation, the decision falls when it is applied.</summary>
    public Seen Find(LogPosition session, long sequence, long lowest, out Applied reply) => _sessions.Find(session, sequence, lowest, out reply);

    /// <summary>Why there can be no new session at <paramref name="timestamp"/>, before it is ordered: an optimisation as well. Empty when there is room.</summary>
    public string WhyNoSession(long timestamp) => View is not null && _sessions.AreInUse(timestamp, View.Limits.MaxSessions) ? AllInUse : "";

    /// <summary>Applies the next committed entry.</summary>
    public Applied Apply(in LogEntry entry)
    {
        InvariantViolation.Require(entry.Index == Position.Index + 1, $"entry {entry.Position} applied after {Position}");
        (Position, Hash, Timestamp) = (entry.Position, entry.Hash, entry.Timestamp);
        switch (entry.Kind)
        {
            case EntryKind.View:
                (View, ViewIndex) = (ViewRecord.Decode(entry.Payload), entry.Index);
                return new Applied(Outcome.Ok, default, Revision, "");
            case EntryKind.Register:
                _sessions.Expire(Timestamp - View!.Limits.SessionTimeoutMs);
                return _sessions.Open(entry.Position, Timestamp, View.Limits.MaxSessions)
                    ? new Applied(Outcome.Ok, default, Revision, "")
                    : new Applied(Outcome.Overloaded, default, 0, AllInUse);
            default:
                return ApplyCommand(entry);
        }
    }

    /// <summary>Answers a query from the state as it is.</summary>
    public Applied Query(ReadOnlyMemory<byte> query)
    {
        if (Restoring is { } restoring)
            return new Applied(Outcome.Unavailable, default, 0, restoring.Line);
        _reply.Truncate(0);
        try
        {
            _machine.Query(query.Span, _space, _reply);
            return new Applied(Outcome.Ok, _reply.ToArray(), Revision, "");
        }
        catch (Exception e) when (IsOfTheCommand(e))
        {
            return new Applied(Outcome.Failed, default, Revision, Line(e));
        }
    }

    /// <summary>Everything changed since the last flush as one batch.</summary>
    public WriteSet TakeFlush()
    {
        SaveCore();
        FlushedIndex = Position.Index;
        return _space.TakeFlush();
    }

    /// <summary>The batch is in the store.</summary>
    public void Flushed() => _space.Flushed();

    /// <summary>The state as it is now, for reads that take long.</summary>
    public FrozenState Freeze()
    {
        SaveCore();
        return _space.Freeze();
    }

    /// <summary>A hash of the whole state; equal on all replicas at the same position. Reads everything: for checks, not for the data path.</summary>
    public ulong StateHash()
    {
        SaveCore();
        var hash = new XxHash64();
        foreach (var (key, value) in _space.ScanFull([StateSpace.CoreSpace], [StateSpace.MachineSpace + 1]))
        {
            hash.Append(BitConverter.GetBytes(key.Length));
            hash.Append(key);
            hash.Append(BitConverter.GetBytes(value.Length));
            hash.Append(value);
        }

        return hash.GetCurrentHashAsUInt64();
    }

    private string AllInUse => $"all {View!.Limits.MaxSessions} sessions (max-sessions) are in use";

    private Applied ApplyCommand(in LogEntry entry)
    {
        _sessions.Expire(Timestamp - View!.Limits.SessionTimeoutMs);
        switch (_sessions.Find(entry.Session, entry.Sequence, entry.Lowest, out var known))
        {
            case Seen.Duplicate:
                return known;
            case Seen.OutOfWindow or Seen.UnknownSession:
                return new Applied(Outcome.Expired, default, 0, "the session has expired");
        }

        // A client waits for what it sends: a lowest number above it would leave replies behind that nothing ever forgets.
        _sessions.Touch(entry.Session, Math.Min(entry.Lowest, entry.Sequence), entry.Index, entry.Timestamp);
        var applied = entry.Kind is not EntryKind.Operation && Restoring is { } restoring ? new Applied(Outcome.Unavailable, default, 0, restoring.Line)
            : entry.Token.Length == 0 ? Run(entry)
            : RunOncePerToken(entry);
        _sessions.Store(entry.Session, entry.Sequence, applied);
        return applied;
    }

    private Applied RunOncePerToken(in LogEntry entry)
    {
        _tokens.Expire(Timestamp - View!.Limits.TokenRetentionMs);
        if (_tokens.Find(entry.Token.Span, entry.Payload.Span) is { } known)
            return known;
        if (_tokens.Count >= View.Limits.MaxTokens)
            return new Applied(Outcome.Overloaded, default, 0, $"the table of {View.Limits.MaxTokens} idempotency tokens is full");
        var applied = Run(entry);
        _tokens.Store(entry.Token.Span, entry.Payload.Span, applied, entry.Index, entry.Timestamp);
        return applied;
    }

    private Applied Run(in LogEntry entry)
    {
        _reply.Truncate(0);
        _context.Start();
        _space.Begin();
        try
        {
            if (entry.Kind is EntryKind.Operation)
                Operate(Operation.Decode(entry.Payload));
            else
                _machine.Apply(entry.Payload.Span, _context, _reply);
            if (_reply.Length > MaxReplyBytes)
                throw new CommandRejectedException($"the state machine's reply of {_reply.Length} bytes is over the limit of {MaxReplyBytes}");
            _space.Commit();
            _context.Announce();
            return new Applied(Outcome.Ok, _reply.ToArray(), Revision, "");
        }
        catch (Exception e) when (IsOfTheCommand(e))
        {
            _space.Undo();
            return new Applied(Outcome.Failed, default, Revision, Line(e));
        }
    }

    private void Operate(in Operation operation)
    {
        if (operation.Kind is OperationKind.Point or OperationKind.Check)
        {
            if (Restoring is { } restoring)
                throw new CommandRejectedException(restoring.Line);
            return;
        }

        var wasUnderWay = Restoring is not null;
        _restore = Restore.Apply(_restore, operation, StateMachine, _space, _reply);
        if (!wasUnderWay || _restore.IsUnderWay)
            return;
        _revisionsAhead = Math.Max(_revisionsAhead, _restore.Revision - Position.Index);
        Events.StartAfter(Revision);        // what was restored was published elsewhere
    }

    // What the machine or the store of this replica suffers is not an outcome that other replicas share.
    private static bool IsOfTheCommand(Exception e) => e is not (StoreFailedException or InvariantViolation or OutOfMemoryException);

    private static string Line(Exception e)
    {
        var line = e is CommandRejectedException ? e.Message : $"the state machine failed: {e.GetType().Name}";
        return line.Length <= 512 ? line : line[..512];
    }

    private void SaveCore()
    {
        _sessions.SaveTo(_space);
        if (View is null)
            return;
        var writer = new ByteWriter();
        writer.Int64(Position.Epoch.Value);
        writer.Int64(Position.Index);
        writer.UInt128(Hash);
        writer.Int64(Timestamp);
        writer.Int64(ViewIndex);
        View.Write(writer);
        writer.Int64(_revisionsAhead);
        writer.Bool(_restore is not null);
        if (_restore is { } restore)
        {
            writer.UInt128(restore.Backup);
            writer.Int64(restore.Next);
            writer.Int64(restore.Revision);
        }

        _space.Set(PositionKey, writer.ToArray());
    }

    private sealed class Context(Applier applier) : ApplyContext
    {
        private readonly List<GroupEvent> _published = [];

        public override IStateSpace State => applier._space;

        public override long Index => applier.Revision;

        public override DateTimeOffset Timestamp => DateTimeOffset.FromUnixTimeMilliseconds(applier.Timestamp);

        public void Start() => _published.Clear();

        public override void Publish(byte[] key, byte[] payload) => _published.Add(new GroupEvent(Index, key, payload));

        public void Announce()
        {
            foreach (var change in _published)
                applier.Events.Add(change);
        }
    }
}
