using System.Buffers;
using System.IO.Hashing;
using System.Text;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.TestKit;

/// <summary>The one history of a group: which commands ran at which index, with what effect. Every replica must run through it, without a gap.</summary>
/// <remarks>
/// State Machine Safety (Ongaro and Ousterhout, ATC 2014, section 5.4.3); replication rules, 5.6 numbers 8 and 9. Two replicas with
/// different sessions or tokens differ here too, because one of them runs a command that the other takes for a repeated one.
/// </remarks>
/// <param name="world">Where violations go.</param>
/// <param name="entry">The committed entry at an index, as seen by <paramref name="entry"/>'s second argument.</param>
internal sealed class AppliedHistory(World world, Func<long, NodeId, LogEntry?> entry)
{
    private readonly List<Step> _steps = [];
    private readonly Dictionary<(LogPosition Session, long Sequence), long> _requests = [];
    private readonly Dictionary<string, long> _tokens = [];
    private readonly Dictionary<string, List<(long Index, string? Value)>> _values = [];
    private readonly List<GroupEvent> _events = [];

    private readonly record struct Step(long Index, ulong Command, ulong Reply);

    /// <summary>The index of the last command that any replica ran; 0 before the first.</summary>
    public long LastIndex => _steps.Count == 0 ? 0 : _steps[^1].Index;

    /// <summary>A machine of one incarnation of a replica, watched.</summary>
    public IStateMachine Watched(NodeId node, IStateMachine machine) => new Machine(this, node, machine);

    /// <summary>A channel for the changes of a key prefix: no change may be missing, doubled or out of order.</summary>
    /// <param name="after">Changes after this index are due; null for those from now on.</param>
    /// <param name="ended">Called when the replica ends the watch, with the index of the last change.</param>
    public Watch NewWatch(NodeId node, long? after, Action<long?> ended) => new(this, node, after, ended);

    /// <summary>What the key had when everything up to <paramref name="index"/> was applied; null for no value.</summary>
    public string? ValueAt(string key, long index)
    {
        var changes = _values.GetValueOrDefault(key) ?? [];
        return changes.FindLast(change => change.Index <= index).Value;
    }

    /// <summary>A state must have, under every key that was ever written, what was there when everything up to <paramref name="index"/> was applied.</summary>
    public void RequireState(long index, IStateReader state, string property)
    {
        var machine = new KeyValueMachine();
        foreach (var key in _values.Keys)
        {
            var (value, truth) = (Read(machine, Encoding.UTF8.GetBytes(key), state), ValueAt(key, index));
            world.Require(value == truth, property, $"{key} is '{value}' in a state of index {index}, where it had '{truth}'");
        }
    }

    private void RequireComplete(bool complete, NodeId node, long at, long? last)
        => world.Require(complete, "Watches Are Complete", $"a watcher on {node} got the change at {at} after that at {last}");

    private void OnApplied(Machine machine, long index, ulong command, ulong reply, Action ran)
    {
        var next = machine.At >= 0 ? machine.At + 1 : Find(index);
        if (next == _steps.Count)
        {
            world.Require(next == 0 || _steps[^1].Index < index, "State Machine Safety", $"{machine.Node} applied entry {index}, others left it out");
            _steps.Add(new Step(index, command, reply));
            RequireOnce(machine.Node, index);
            ran();
        }
        else
        {
            var known = _steps[next];
            world.Require(known.Index == index, "State Machine Safety", $"{machine.Node} applied entry {index}, others {known.Index} after {(next > 0 ? _steps[next - 1].Index : 0)}");
            world.Require(known.Command == command, "State Machine Safety", $"{machine.Node} applied another command at index {index} than a replica before it");
            world.Require(known.Reply == reply || known.Command != command, "Same State", $"{machine.Node} came to another result at index {index} than a replica before it");
        }

        machine.At = next;
    }

    // A new incarnation begins where its store says; Applied Once and the order of the others show whether that was right.
    private int Find(long index)
    {
        var (low, high) = (0, _steps.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_steps[middle].Index < index)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private void RequireOnce(NodeId node, long index)
    {
        if (entry(index, node) is not { } applied)
            return;
        var request = (applied.Session, applied.Sequence);
        if (!_requests.TryAdd(request, index))
            world.Fail("Applied Once", $"request {request.Sequence} of session {request.Session} ran at {_requests[request]} and at {index}");
        if (applied.Token.Length == 0)
            return;
        var token = Encoding.Latin1.GetString(applied.Token.Span);
        if (!_tokens.TryAdd(token, index))
            world.Fail("Applied Once", $"token {token} ran at {_tokens[token]} and at {index}");
    }

    private sealed class Machine(AppliedHistory history, NodeId node, IStateMachine machine) : IStateMachine
    {
        public NodeId Node => node;

        /// <summary>The step that this incarnation ran last; -1 before its first.</summary>
        public int At { get; set; } = -1;

        public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
        {
            var hash = XxHash64.HashToUInt64(command);
            var watched = new Context(context);
            var answer = new ArrayBufferWriter<byte>(64);
            try
            {
                machine.Apply(command, watched, answer);
            }
            catch (CommandRejectedException refused)
            {
                history.OnApplied(this, context.Index, hash, Fnv.Hash(refused.Message), () => { });
                throw;
            }

            reply.Write(answer.WrittenSpan);
            var key = KeyValueCodec.ReadCommand(command).Key.ToArray();
            history.OnApplied(this, context.Index, hash, XxHash64.HashToUInt64(answer.WrittenSpan), () =>
            {
                history._events.AddRange(watched.Published);
                history.Changed(key, context.Index, machine, context.State);
            });
        }

        public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply) => machine.Query(query, state, reply);
    }

    private void Changed(byte[] key, long index, IStateMachine machine, IStateReader state)
    {
        var name = Encoding.UTF8.GetString(key);
        if (!_values.TryGetValue(name, out var changes))
            _values.Add(name, changes = []);
        changes.Add((index, Read(machine, key, state)));
    }

    private static string? Read(IStateMachine machine, byte[] key, IStateReader state)
    {
        var answer = new ArrayBufferWriter<byte>(64);
        machine.Query(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = key }), state, answer);
        return ReadValue(new GroupReply(Outcome.Ok, answer.WrittenMemory, 0, default, ""));
    }

    /// <summary>The value in the answer to a get; null for none.</summary>
    public static string? ReadValue(GroupReply reply)
    {
        var got = KeyValueCodec.ReadGetReply(reply);
        return got.Found ? Encoding.UTF8.GetString(got.Value.Span) : null;
    }

    private sealed class Context(ApplyContext inner) : ApplyContext
    {
        public List<GroupEvent> Published { get; } = [];

        public override IStateSpace State => inner.State;

        public override long Index => inner.Index;

        public override DateTimeOffset Timestamp => inner.Timestamp;

        public override void Publish(byte[] key, byte[] payload)
        {
            Published.Add(new GroupEvent(Index, key, payload));
            inner.Publish(key, payload);
        }
    }

    /// <summary>Where a replica writes the changes that one watcher asked for.</summary>
    internal sealed class Watch(AppliedHistory history, NodeId node, long? after, Action<long?> ended) : System.Threading.Channels.ChannelWriter<GroupEvent>
    {
        private int _next = after is null ? -1 : history._events.FindIndex(e => e.Index > after) is >= 0 and var first ? first : history._events.Count;
        private long? _last = after;
        private bool _isOver;

        public override bool TryWrite(GroupEvent item)
        {
            if (_isOver)
                return false;
            if (_next < 0)
                _next = history._events.FindIndex(e => IsSame(e, item));
            var complete = _next >= 0 && _next < history._events.Count && IsSame(history._events[_next], item);
            history.RequireComplete(complete, node, item.Index, _last);
            _next++;
            _last = item.Index;
            return true;
        }

        public override bool TryComplete(Exception? error = null)
        {
            if (_isOver)
                return false;
            _isOver = true;
            ended(error is CompactedException ? null : _last);
            return true;
        }

        public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(true);

        private static bool IsSame(in GroupEvent a, in GroupEvent b) => a.Index == b.Index && a.Key.Span.SequenceEqual(b.Key.Span) && a.Payload.Span.SequenceEqual(b.Payload.Span);
    }
}
