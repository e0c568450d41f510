using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What a command led to: what the client is told, now and on every retry.</summary>
/// <param name="Outcome">Ok, Failed, Overloaded, Expired or TokenReused.</param>
/// <param name="Payload">The state machine's reply.</param>
/// <param name="Index">Where it was applied; 0 when it was not.</param>
/// <param name="Error">One line when it was not Ok.</param>
internal readonly record struct Applied(Outcome Outcome, ReadOnlyMemory<byte> Payload, long Index, string Error)
{
    public void Write(ByteWriter writer)
    {
        writer.Byte((byte)Outcome);
        writer.Int64(Index);
        writer.Block(Payload.Span);
        writer.Text(Error);
    }

    public static Applied Read(ref ByteReader reader)
    {
        var outcome = (Outcome)reader.Byte();
        var index = reader.Int64();
        return new Applied(outcome, reader.Block(), index, reader.Text());
    }
}

/// <summary>What a session knows of a request.</summary>
internal enum Seen
{
    /// <summary>Not applied before: apply it.</summary>
    New,

    /// <summary>Applied before; the reply is at hand.</summary>
    Duplicate,

    /// <summary>The client said it no longer waits for it, or the number is beyond the window: drop it.</summary>
    OutOfWindow,

    /// <summary>No such session (any more): refuse it, never treat it as new.</summary>
    UnknownSession,
}

/// <summary>The client sessions of a group: which requests were applied, and what was answered. Replicated state, changed by entries only.</summary>
/// <remarks>
/// Exactly-once effect (replication rules, 5.5): a request is (session, number); it is applied once, and a repeated one gets the stored
/// reply. Sessions expire by log time and log order, so every replica expires the same ones at the same entry.
/// Ongaro, dissertation 2014, section 6.3.
/// </remarks>
internal sealed class Sessions
{
    /// <summary>
    /// Log time in milliseconds for which a session counts as in use: as long as a client waits for an answer (<see cref="ClientSettings.RequestTimeout"/>). Were
    /// sessions in use given up for new ones, as many clients as there is room for and one more would end each other's commands for ever.
    /// </summary>
    private const long InUseMs = 10_000;

    private readonly Dictionary<LogPosition, Session> _sessions = [];
    private readonly LinkedList<Session> _byUse = new();        // least recently used first
    private readonly HashSet<LogPosition> _dirty = [];

    public int Count => _sessions.Count;

    /// <summary>What is known of request <paramref name="sequence"/>; <paramref name="reply"/> is set for a duplicate.</summary>
    /// <param name="id">The session.</param>
    /// <param name="sequence">The number of the request.</param>
    /// <param name="lowest">What the request says of the replies that its client still waits for: the session may not have heard it before.</param>
    /// <param name="reply">The stored reply.</param>
    public Seen Find(LogPosition id, long sequence, long lowest, out Applied reply)
    {
        reply = default;
        if (!_sessions.TryGetValue(id, out var session))
            return Seen.UnknownSession;
        if (session.Replies.TryGetValue(sequence, out reply))
            return Seen.Duplicate;
        var from = Math.Max(session.Lowest, Math.Min(lowest, sequence));
        return sequence < from || sequence >= from + ClientSettings.MaxWindow ? Seen.OutOfWindow : Seen.New;
    }

    /// <summary>True when all <paramref name="maxSessions"/> are in use at <paramref name="timestamp"/> (log time).</summary>
    public bool AreInUse(long timestamp, int maxSessions) => _sessions.Count >= maxSessions && _byUse.First!.Value.LastTime > timestamp - InUseMs;

    /// <summary>Opens the session whose id is <paramref name="id"/>, in place of the least recently used when there are too many; false when all are in use.</summary>
    public bool Open(LogPosition id, long timestamp, int maxSessions)
    {
        while (_sessions.Count >= maxSessions)
        {
            if (AreInUse(timestamp, maxSessions))
                return false;
            Remove(_byUse.First!.Value);
        }

        Add(new Session(id) { LastIndex = id.Index, LastTime = timestamp });
        _dirty.Add(id);
        return true;
    }

    /// <summary>Ends the sessions that were not used since <paramref name="deadline"/> (log time).</summary>
    public void Expire(long deadline)
    {
        while (_byUse.First is { } oldest && oldest.Value.LastTime < deadline)
            Remove(oldest.Value);
    }

    /// <summary>The client of <paramref name="id"/> sent something at this entry, and waits for no reply below <paramref name="lowest"/>.</summary>
    public void Touch(LogPosition id, long lowest, long index, long timestamp)
    {
        var session = _sessions[id];
        session.LastIndex = index;
        session.LastTime = timestamp;
        _byUse.Remove(session.Node);
        _byUse.AddLast(session.Node);
        for (; session.Lowest < lowest; session.Lowest++)
        {
            if (session.Replies.Count == 0)
            {
                session.Lowest = lowest;
                break;
            }

            session.Replies.Remove(session.Lowest);
        }

        _dirty.Add(id);
    }

    /// <summary>Keeps the reply to a request that was applied.</summary>
    public void Store(LogPosition id, long sequence, in Applied reply) => _sessions[id].Replies.Add(sequence, reply);

    /// <summary>Writes the sessions that changed since the last call into <paramref name="space"/>.</summary>
    public void SaveTo(StateSpace space)
    {
        var writer = new ByteWriter();
        foreach (var id in _dirty)
        {
            writer.Truncate(0);
            if (_sessions.TryGetValue(id, out var session))
                session.Write(writer);
            space.Set(Key(id), session is null ? null : writer.ToArray());
        }

        _dirty.Clear();
    }

    /// <summary>Reads all sessions back from <paramref name="space"/>.</summary>
    public void LoadFrom(StateSpace space)
    {
        var loaded = new List<Session>();
        foreach (var (_, value) in space.ScanFull([StateSpace.SessionSpace], [StateSpace.SessionSpace + 1]))
            loaded.Add(Session.Read(value));
        foreach (var session in loaded.OrderBy(s => s.LastIndex))
            Add(session);
    }

    private void Add(Session session)
    {
        _sessions.Add(session.Id, session);
        _byUse.AddLast(session.Node);
    }

    private void Remove(Session session)
    {
        _sessions.Remove(session.Id);
        _byUse.Remove(session.Node);
        _dirty.Add(session.Id);
    }

    private static byte[] Key(LogPosition id)
    {
        var writer = new ByteWriter(17);
        writer.Byte(StateSpace.SessionSpace);
        writer.Int64(id.Epoch.Value);
        writer.Int64(id.Index);
        return writer.ToArray();
    }

    private sealed class Session
    {
        public Session(LogPosition id)
        {
            Id = id;
            Node = new LinkedListNode<Session>(this);
        }

        public LogPosition Id { get; }

        public LinkedListNode<Session> Node { get; }

        public long Lowest { get; set; } = 1;

        public long LastIndex { get; set; }

        public long LastTime { get; set; }

        public Dictionary<long, Applied> Replies { get; } = [];

        public void Write(ByteWriter writer)
        {
            writer.Int64(Id.Epoch.Value);
            writer.Int64(Id.Index);
            writer.Int64(Lowest);
            writer.Int64(LastIndex);
            writer.Int64(LastTime);
            writer.Int32(Replies.Count);
            foreach (var (sequence, reply) in Replies.OrderBy(r => r.Key))      // the same bytes on every replica
            {
                writer.Int64(sequence);
                reply.Write(writer);
            }
        }

        public static Session Read(byte[] bytes)
        {
            var reader = new ByteReader(bytes);
            var session = new Session(new LogPosition(new Epoch(reader.Int64()), reader.Int64()))
            {
                Lowest = reader.Int64(),
                LastIndex = reader.Int64(),
                LastTime = reader.Int64(),
            };
            for (var i = reader.Count(8); i > 0; i--)
            {
                var sequence = reader.Int64();
                session.Replies.Add(sequence, Applied.Read(ref reader));
            }

            return session;
        }
    }
}
