using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>The layout of every replication message: one letter that names it, then its fields in the order of their record.</summary>
/// <remarks>
/// Little-endian; texts and blocks carry a length of four bytes, lists a count of four bytes; every length and count is checked against
/// the bytes at hand before anything is allocated. A later version may append fields, which this one ignores. Nothing polymorphic is read:
/// the letter selects the reader.
/// </remarks>
internal static class ReplicationCodec
{
    private const int SmallestRequest = 1 + 8 + 4 + 4;
    private const int SmallestReply = 1 + 8 + 16 + 8 + 1 + 8 + 4 + 4;

    /// <summary>The letter of <paramref name="message"/>.</summary>
    public static string Manifest(ReplicationMessage message) => message switch
    {
        Append => "A",
        Appended => "a",
        Mismatch => "m",
        RequestVote => "V",
        Vote => "v",
        Stale => "s",
        Stir => "w",
        NodeBeat => "b",
        NotMember => "n",
        TakeOver => "t",
        StateOffer => "o",
        FetchState => "f",
        StateChunk => "c",
        PassReads => "k",
        ReadsPassed => "K",
        LendState => "l",
        ViewChanged => "W",
        Probe => "P",
        Probed => "p",
        Join => "J",
        Requests => "R",
        Replies => "r",
        Redirect => "d",
        StatusRequest => "Q",
        StatusReply => "q",
        TransferRequest => "T",
        TransferReply => "u",
        MembersRequest => "M",
        _ => throw new ArgumentException($"no codec for {message.GetType().Name}"),
    };

    [ThreadStatic]
    private static ByteWriter? Scratch;      // kept from message to message: a buffer that grows for each would be most of what a primary allocates

    public static byte[] Encode(ReplicationMessage message)
    {
        var w = Scratch ??= new ByteWriter(2 * GroupSettings.MaxBatchBytes);
        w.Truncate(0);
        w.Text(message.Group.Value);
        if (message is ReplicaMessage between)
        {
            w.Int64(between.Epoch.Value);
            ViewRecord.WriteId(w, between.From);
        }

        switch (message)
        {
            case Append m:
                ViewRecord.WriteId(w, m.To);
                w.Int64(m.Number);
                Position(w, m.Previous);
                w.UInt128(m.PreviousHash);
                w.Int64(m.Commit);
                w.Int64(m.Promise.Ticks);
                w.Int32(m.Entries.Count);
                foreach (var entry in m.Entries)
                    w.Block(entry.Frame.Span);
                w.Int64(m.Rest);
                Tracing.Write(w, m.Traces);
                w.Int64(m.Floor);
                WriteCallers(w, m.Callers);
                w.Int64(m.Applied);
                break;
            case Appended m:
                w.Int64(m.Number);
                w.Int64(m.Durable);
                w.Int64(m.Commit);
                break;
            case PassReads m:
                ViewRecord.WriteId(w, m.To);
                w.Int64(m.Batch);
                w.Int64(m.Floor);
                WriteCallers(w, m.Items.Select(i => new Caller(i.ReplyTo, i.Sequence)).ToList());
                foreach (var item in m.Items)
                    w.Block(item.Query.Span);
                break;
            case ReadsPassed m:
                w.Int64(m.Batch);
                break;
            case LendState m:
                ViewRecord.WriteId(w, m.To);
                ViewRecord.WriteId(w, m.Learner);
                w.Int64(m.AtLeast);
                break;
            case ViewChanged m:
                m.Record.Write(w);
                break;
            case Mismatch m:
                w.Int64(m.Number);
                Position(w, m.Last);
                break;
            case RequestVote m:
                w.Bool(m.Pre);
                w.Bool(m.HandOver);
                Position(w, m.Last);
                break;
            case Vote m:
                w.Bool(m.Pre);
                w.Bool(m.Granted);
                Position(w, m.HeardOf);
                break;
            case Stale or Stir:
                break;
            case NodeBeat m:
                w.Text(m.From.Value);
                w.Int64(m.Life);
                break;
            case NotMember m:
                ViewRecord.WriteId(w, m.Removed);
                Position(w, m.View);
                break;
            case TakeOver m:
                ViewRecord.WriteId(w, m.To);
                break;
            case StateOffer m:
                ViewRecord.WriteId(w, m.To);
                Position(w, m.Position);
                w.Block(m.Genesis.Span);
                break;
            case FetchState m:
                Position(w, m.Position);
                Cursor(w, m.At);
                w.Bool(m.Held is not null);
                if (m.Held is { } held)
                {
                    w.Block(held.End);
                    w.UInt128(held.Hash);
                }

                break;
            case StateChunk m:
                ViewRecord.WriteId(w, m.To);
                Position(w, m.Position);
                w.Int32(m.Left);
                Cursor(w, m.At);
                w.Bool(m.Next is not null);
                if (m.Next is { } next)
                    Cursor(w, next);
                w.Bool(m.SameAs is not null);
                if (m.SameAs is { } same)
                    w.UInt128(same);
                StateRange.Write(w, m.Pieces);
                w.UInt128(m.Checksum);
                break;
            case Probe m:
                w.Text(m.Cluster);
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                w.Int64(m.Round);
                break;
            case Probed m:
                w.Text(m.Cluster);
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                w.Int64(m.Round);
                w.Block(m.Genesis.Span);
                Position(w, m.Past);
                break;
            case Join m:
                w.Text(m.Cluster);
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                break;
            case Requests m:
                w.Text(m.ReplyTo);
                w.Int64(m.Number);
                Position(w, m.Session);
                w.Int64(m.Lowest);
                w.Int32(m.Items.Count);
                foreach (var item in m.Items)
                {
                    w.Byte((byte)item.Kind);
                    w.Int64(item.Sequence);
                    w.Block(item.Token.Span);
                    w.Block(item.Payload.Span);
                }

                Tracing.Write(w, m.Traces);
                w.Int64(m.Life);
                break;
            case Replies m:
                w.Text(m.From.Value);
                w.Int64(m.Number);
                w.Int32(m.Items.Count);
                foreach (var item in m.Items)
                {
                    w.Byte((byte)item.Kind);
                    w.Int64(item.Sequence);
                    Position(w, item.Session);
                    w.Int64(item.AgeMs);
                    item.Result.Write(w);
                }

                w.Bool(m.ReadsHere);
                w.Bool(m.IsLossy);
                w.Int64(m.Life);
                break;
            case Redirect m:
                w.Text(m.From.Value);
                w.Text(m.Primary.Value);
                w.Int64(m.Number);
                w.Bool(m.NoQuorum);
                w.Int64(m.Life);
                break;
            case StatusRequest m:
                w.Text(m.ReplyTo);
                w.Int64(m.Number);
                break;
            case StatusReply m:
                w.Int64(m.Number);
                WriteStatus(w, m.Status);
                break;
            case TransferRequest m:
                w.Text(m.ReplyTo);
                w.Int64(m.Number);
                w.Text(m.Target.Value);
                break;
            case MembersRequest m:
                w.Text(m.ReplyTo);
                w.Int64(m.Number);
                w.Text(m.Node.Value);
                w.Bool(m.Join);
                break;
            case TransferReply m:
                w.Int64(m.Number);
                w.Text(m.Refusal);
                break;
            default:
                throw new ArgumentException($"no codec for {message.GetType().Name}");
        }

        return w.ToArray();
    }

    /// <exception cref="MalformedException">The bytes are not a message of this letter.</exception>
    public static ReplicationMessage Decode(string manifest, ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        var group = Group(ref r);
        if (manifest is "A" or "a" or "m" or "V" or "v" or "s" or "w" or "n" or "t" or "o" or "f" or "c" or "k" or "K" or "l" or "W")
        {
            var epoch = new Epoch(r.Int64());
            var from = ViewRecord.ReadId(ref r);
            return manifest switch
            {
                "A" => ReadAppend(ref r, group, epoch, from),
                "a" => new Appended(group, epoch, from, r.Int64(), r.Int64()) { Commit = r.Int64() },
                "m" => new Mismatch(group, epoch, from, r.Int64(), Position(ref r)),
                "V" => new RequestVote(group, epoch, from, r.Bool(), r.Bool(), Position(ref r)),
                "v" => new Vote(group, epoch, from, r.Bool(), r.Bool()) { HeardOf = Position(ref r) },
                "s" => new Stale(group, epoch, from),
                "w" => new Stir(group, epoch, from),
                "n" => new NotMember(group, epoch, from, ViewRecord.ReadId(ref r), Position(ref r)),
                "l" => new LendState(group, epoch, from, ViewRecord.ReadId(ref r), ViewRecord.ReadId(ref r), r.Int64()),
                "k" => ReadPassReads(ref r, group, epoch, from),
                "K" => new ReadsPassed(group, epoch, from, r.Int64()),
                "W" => new ViewChanged(group, epoch, from, GroupRecord.Read(ref r)),
                "o" => new StateOffer(group, epoch, from, ViewRecord.ReadId(ref r), Position(ref r), r.Block()),
                "f" => new FetchState(group, epoch, from, Position(ref r), Cursor(ref r), r.Bool() ? new HeldRange(r.Block().ToArray(), r.UInt128()) : null),
                "c" => new StateChunk(
                    group, epoch, from, ViewRecord.ReadId(ref r), Position(ref r), r.Int32(), Cursor(ref r), r.Bool() ? Cursor(ref r) : null, r.Bool() ? r.UInt128() : null,
                    StateRange.Read(ref r), r.UInt128()),
                _ => new TakeOver(group, epoch, from, ViewRecord.ReadId(ref r)),
            };
        }

        return manifest switch
        {
            "P" => new Probe(group, r.Text(), ViewRecord.ReadNode(ref r), new Incarnation(r.UInt128()), r.Int64()),
            "p" => new Probed(group, r.Text(), ViewRecord.ReadNode(ref r), new Incarnation(r.UInt128()), r.Int64(), r.Block()) { Past = Position(ref r) },
            "J" => new Join(group, r.Text(), ViewRecord.ReadNode(ref r), new Incarnation(r.UInt128())),
            "b" => new NodeBeat(group, ViewRecord.ReadNode(ref r), r.Int64()),
            "R" => ReadRequests(ref r, group),
            "r" => ReadReplies(ref r, group),
            "d" => new Redirect(group, ViewRecord.ReadNode(ref r), ViewRecord.ReadNode(ref r), r.Int64(), r.Bool()) { Life = Life(ref r) },
            "Q" => new StatusRequest(group, r.Text(), r.Int64()),
            "q" => new StatusReply(group, r.Int64(), ReadStatus(ref r, group)),
            "T" => new TransferRequest(group, r.Text(), r.Int64(), ViewRecord.ReadNode(ref r)),
            "M" => new MembersRequest(group, r.Text(), r.Int64(), ViewRecord.ReadNode(ref r), r.Bool()),
            "u" => new TransferReply(group, r.Int64(), r.Text()),
            _ => throw new MalformedException($"the message letter '{(manifest.Length <= 8 ? manifest : "...")}' is unknown"),
        };
    }

    private static Append ReadAppend(ref ByteReader r, GroupId group, Epoch epoch, MemberId from)
    {
        var to = ViewRecord.ReadId(ref r);
        var number = r.Int64();
        var previous = Position(ref r);
        var previousHash = r.UInt128();
        var commit = r.Int64();
        var promise = new TimeSpan(r.Int64());
        if (promise < TimeSpan.Zero || promise > GroupSettings.LongestPromise)
            throw new MalformedException($"a message asks for a promise of {promise.TotalMilliseconds} ms");
        var entries = ByteReader.Array(ref r, 4 + LogEntry.HeaderBytes, (ref ByteReader r) => LogEntry.FromFrame(r.Block()));
        var append = new Append(group, epoch, from, to, number, previous, previousHash, commit, promise, entries) { Rest = r.Int64(), Traces = Tracing.Read(ref r), Floor = r.Int64() };
        var callers = ReadCallers(ref r);
        if (callers.Length > 0 && callers.Length != entries.Length)
            throw new MalformedException($"{callers.Length} callers come with {entries.Length} entries");
        return append with { Callers = callers, Applied = r.Int64() };
    }

    private static PassReads ReadPassReads(ref ByteReader r, GroupId group, Epoch epoch, MemberId from)
    {
        var (to, batch, floor) = (ViewRecord.ReadId(ref r), r.Int64(), r.Int64());
        var callers = ReadCallers(ref r);
        var items = new CallerRead[callers.Length];
        for (var i = 0; i < items.Length; i++)
            items[i] = new CallerRead(callers[i].ReplyTo, callers[i].Sequence, r.Block());
        return new PassReads(group, epoch, from, to, batch, floor, items);
    }

    // Few clients have many requests on their way: each address is written once, before the first request of it.
    private static void WriteCallers(ByteWriter w, IReadOnlyList<Caller> callers)
    {
        w.Int32(callers.Count);
        var addresses = new Dictionary<string, int>();
        foreach (var caller in callers)
        {
            var address = caller.ReplyTo ?? "";
            var isKnown = addresses.TryGetValue(address, out var number);
            if (!isKnown)
                addresses.Add(address, number = addresses.Count);
            w.Int32(number);
            if (!isKnown)
                w.Text(address);
            w.Int64(caller.Sequence);
        }
    }

    private static Caller[] ReadCallers(ref ByteReader r)
    {
        var callers = new Caller[r.Count(4 + 8)];
        var addresses = new List<string>();
        for (var i = 0; i < callers.Length; i++)
        {
            var number = r.Int32();
            if (number < 0 || number > addresses.Count)
                throw new MalformedException($"a caller has address {number} of {addresses.Count}");
            if (number == addresses.Count)
                addresses.Add(r.Text());
            callers[i] = new Caller(addresses[number], r.Int64());
        }

        return callers;
    }

    private static Requests ReadRequests(ref ByteReader r, GroupId group)
    {
        var replyTo = r.Text();
        var number = r.Int64();
        var session = Position(ref r);
        var lowest = r.Int64();
        return new Requests(group, replyTo, number, session, lowest, ByteReader.Array(ref r, SmallestRequest, ReadRequest)) { Traces = Tracing.Read(ref r), Life = Life(ref r) };
    }

    private static Request ReadRequest(ref ByteReader r)
    {
        var kind = Kind(ref r);
        var sequence = r.Int64();
        var token = r.Block();
        if (token.Length > LogEntry.MaxTokenBytes)
            throw new MalformedException($"a token of {token.Length} bytes is over the limit of {LogEntry.MaxTokenBytes}");
        return new Request(kind, sequence, token, r.Block());
    }

    private static Replies ReadReplies(ref ByteReader r, GroupId group)
    {
        var from = ViewRecord.ReadNode(ref r);
        var number = r.Int64();
        var items = ByteReader.Array(ref r, SmallestReply, (ref ByteReader r) => new Reply(Kind(ref r), r.Int64(), Position(ref r), r.Int64(), Applied.Read(ref r)));
        return new Replies(group, from, number, items) { ReadsHere = r.Bool(), IsLossy = r.Bool(), Life = Life(ref r) };
    }

    private static long Life(ref ByteReader r)
    {
        var life = r.Int64();
        return life >= 0 ? life : throw new MalformedException($"the life {life} of a node is below 0");
    }

    private static RequestKind Kind(ref ByteReader r)
    {
        var kind = (RequestKind)r.Byte();
        return kind is >= RequestKind.Command and <= RequestKind.Operation ? kind : throw new MalformedException($"the request kind {(byte)kind} is unknown");
    }

    private static void WriteStatus(ByteWriter w, ReplicaStatus status)
    {
        w.Text(status.Node.Value);
        w.Byte((byte)status.Role);
        w.Int64(status.Epoch.Value);
        w.Int64(status.CommitIndex);
        w.Int64(status.AppliedIndex);
        w.Int64(status.LastIndex);
        w.Text(status.Primary.Value);
        Nodes(w, status.Members);
        Nodes(w, status.Learners);
        w.Text(status.Fault);
        w.Int32(status.Labels.Count);
        foreach (var (name, value) in status.Labels)
        {
            w.Text(name);
            w.Text(value);
        }

        w.Text(status.Condition);
        w.Bool(status.Check is not null);
        if (status.Check is { } check)
        {
            w.Int64(check.Index);
            w.UInt128(check.LogHash);
            w.UInt128(check.StateHash);
            w.Int64(check.Entries);
            w.Int64(check.Keys);
            w.Int64(check.Bytes);
        }

        w.Int64(status.LastEpoch.Value);
        ViewRecord.WriteLosses(w, status.Losses);
        w.Bool(status.IsLossy);
    }

    private static ReplicaStatus ReadStatus(ref ByteReader r, GroupId group)
    {
        var node = ViewRecord.ReadNode(ref r);
        var role = (ReplicaRole)r.Byte();
        var epoch = new Epoch(r.Int64());
        var (commit, applied, last) = (r.Int64(), r.Int64(), r.Int64());
        var primary = ViewRecord.ReadNode(ref r);
        var (members, learners) = (Nodes(ref r), Nodes(ref r));
        var fault = r.Text();
        var labels = new Dictionary<string, string>();
        for (var i = r.Count(8); i > 0; i--)
            labels[r.Text()] = r.Text();
        var status = new ReplicaStatus(group, node, role, epoch, commit, applied, last, primary, members, learners, fault, labels);
        return status with
        {
            Condition = r.Text(),
            Check = r.Bool() ? new ReplicaCheck(r.Int64(), r.UInt128(), r.UInt128(), r.Int64(), r.Int64(), r.Int64()) : null,
            LastEpoch = new Epoch(r.Int64()),
            Losses = ViewRecord.ReadLosses(ref r),
            IsLossy = r.Bool(),
        };
    }

    private static void Nodes(ByteWriter w, IReadOnlyList<NodeId> nodes)
    {
        w.Int32(nodes.Count);
        foreach (var node in nodes)
            w.Text(node.Value);
    }

    private static NodeId[] Nodes(ref ByteReader r) => ByteReader.Array(ref r, 4, ViewRecord.ReadNode);

    private static void Cursor(ByteWriter w, StateCursor cursor)
    {
        w.Block(cursor.Key.Span);
        w.Int32(cursor.Offset);
    }

    private static StateCursor Cursor(ref ByteReader r)
    {
        var cursor = new StateCursor(r.Block(), r.Int32());
        return cursor.Offset >= 0 ? cursor : throw new MalformedException($"a message names the byte {cursor.Offset} of a value");
    }

    private static void Position(ByteWriter w, LogPosition position)
    {
        w.Int64(position.Epoch.Value);
        w.Int64(position.Index);
    }

    private static LogPosition Position(ref ByteReader r)
    {
        var position = new LogPosition(new Epoch(r.Int64()), r.Int64());
        return position is { Epoch.Value: >= 0, Index: >= 0 } ? position : throw new MalformedException($"a message claims position {position}");
    }

    private static GroupId Group(ref ByteReader r)
    {
        var name = r.Text();
        return Name.IsValid(name) ? new GroupId(name) : throw new MalformedException("a group name is not valid");
    }
}
