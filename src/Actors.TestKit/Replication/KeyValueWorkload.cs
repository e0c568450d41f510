using System.Text;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>One client that does one operation after the other on a few keys, and records what it asked and what it was told.</summary>
internal sealed class KeyValueWorkload : UntypedActor, IWithTimers
{
    private readonly KeyValueLoad _load;
    private readonly int _client;
    private readonly Action<object> _group;
    private readonly Random _random;

    public KeyValueWorkload(KeyValueLoad load, int client, Action<object> group, Random random)
    {
        _load = load;
        _client = client;
        _group = group;
        _random = random;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Next();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Go: Begin(); break;
            case Ended m: OnEnded(m); break;
            default: Unhandled(message); break;
        }
    }

    private void Next() => Timers.StartSingleTimer(Go.Instance, Go.Instance, _load.Think * _random.NextDouble());

    private void Begin()
    {
        if (!_load.TryTake(out var number))
            return;
        var key = $"k{_random.Next(_load.Keys)}";
        var value = $"{number}";
        KeyValueOperation operation = _random.Next(100) switch
        {
            < 40 => new KeyValueOperation.Get(key),
            < 70 => new KeyValueOperation.Put(key, value),
            < 80 => new KeyValueOperation.Delete(key),
            < 90 => new KeyValueOperation.CompareAndSet(key, _load.LastValue(key), value),
            _ => new KeyValueOperation.Increment(key, 1),
        };
        var entry = _load.History.Begin(_client, operation);
        _load.Pending++;
        var self = Self;
        Action<GroupReply> complete = reply => self.Tell(new Ended(entry, reply), ActorRefs.NoSender);
        if (operation is KeyValueOperation.Get)
            _group(new Query(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = Encoding.UTF8.GetBytes(key) }), ReadMode.Barrier, null, complete));
        else
            _group(new Submit(Command(operation), Token(number), null, complete));
    }

    // Some commands carry an idempotency token, as HTTP requests do.
    private ReadOnlyMemory<byte> Token(int number) => _random.Next(4) == 0 ? Encoding.ASCII.GetBytes($"t{number}") : default;

    private static byte[] Command(KeyValueOperation operation)
    {
        var key = Encoding.UTF8.GetBytes(operation.Key);
        return operation switch
        {
            KeyValueOperation.Put put => KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Put, Key = key, Value = Encoding.UTF8.GetBytes(put.Value) }),
            KeyValueOperation.Delete => KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Delete, Key = key }),
            KeyValueOperation.CompareAndSet { Expected: null } cas => KeyValueCodec.WriteCommand(
                new KeyValueCommand { Op = KeyValueOp.Put, Key = key, Value = Encoding.UTF8.GetBytes(cas.Value), Condition = Precondition.IfMissing }),
            KeyValueOperation.CompareAndSet cas => KeyValueCodec.WriteCommand(
                new KeyValueCommand { Op = KeyValueOp.CompareAndSet, Key = key, Expected = Encoding.UTF8.GetBytes(cas.Expected), Value = Encoding.UTF8.GetBytes(cas.Value) }),
            KeyValueOperation.Increment increment => KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Increment, Key = key, Delta = increment.Delta }),
            _ => throw new ArgumentException($"unknown operation {operation}"),
        };
    }

    private void OnEnded(Ended m)
    {
        _load.Pending--;
        _load.OnReply(m.Reply, m.Entry.Operation);
        if (m.Reply.Outcome is Outcome.Ok)
            _load.History.Done(m.Entry, Result(m.Entry.Operation, m.Reply));
        else if (m.Reply.Outcome is Outcome.Failed && m.Entry.Operation is KeyValueOperation.Increment)
            _load.History.Done(m.Entry, new KeyValueResult(false));
        else if (m.Reply.NotApplied || m.Entry.Operation is KeyValueOperation.Get)
            _load.History.NotApplied(m.Entry);
        Next();
    }

    private KeyValueResult Result(KeyValueOperation operation, GroupReply reply)
    {
        switch (operation)
        {
            case KeyValueOperation.Get:
                var got = KeyValueCodec.ReadGetReply(reply);
                var value = got.Found ? Encoding.UTF8.GetString(got.Value.Span) : null;
                _load.Saw(operation.Key, value);
                return new KeyValueResult(true, value);
            case KeyValueOperation.Increment:
                var sum = KeyValueCodec.ReadIncrementReply(reply).Number;
                return new KeyValueResult(true, sum.ToString(System.Globalization.CultureInfo.InvariantCulture));
            case KeyValueOperation.Put:
                return new KeyValueResult(true);
            default:
                return new KeyValueResult(KeyValueCodec.ReadWriteReply(reply).Changed);
        }
    }

    private sealed class Go : INoSerializationVerificationNeeded
    {
        public static readonly Go Instance = new();
    }

    private sealed record Ended(HistoryEntry<KeyValueOperation, KeyValueResult> Entry, GroupReply Reply) : INoSerializationVerificationNeeded;
}

/// <summary>What the clients of one run share: how much is left to do, and what was done.</summary>
internal sealed class KeyValueLoad(Simulation simulation, SimGroup group, int operations, int keys, TimeSpan think)
{
    private readonly Dictionary<string, string?> _seen = [];
    private readonly SortedDictionary<Outcome, long> _outcomes = [];
    private int _taken;

    public History<KeyValueOperation, KeyValueResult> History { get; } = new(() => simulation.Now);

    public int Keys => keys;

    public TimeSpan Think => think;

    /// <summary>Operations begun and not ended.</summary>
    public int Pending { get; set; }

    public bool AllTaken => _taken >= operations;

    public IReadOnlyDictionary<Outcome, long> Outcomes => _outcomes;

    public bool TryTake(out int number)
    {
        number = _taken;
        if (_taken >= operations)
            return false;
        _taken++;
        return true;
    }

    public string? LastValue(string key) => _seen.GetValueOrDefault(key);

    public void Saw(string key, string? value) => _seen[key] = value;

    public void OnReply(in GroupReply reply, KeyValueOperation operation)
    {
        _outcomes[reply.Outcome] = _outcomes.GetValueOrDefault(reply.Outcome) + 1;
        if (operation is not KeyValueOperation.Get)
            group.OnAnswer(reply);
    }
}
