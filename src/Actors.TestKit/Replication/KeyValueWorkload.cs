using System.Text;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>One client that does one operation after the other on a few keys, and records what it asked and what it was told.</summary>
internal sealed class KeyValueWorkload : UntypedActor, IWithTimers
{
    private const int MaxTries = 4;

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

    /// <summary>A client on <paramref name="context"/>'s node, from this start of it to the next crash: what it waits for then, it never learns.</summary>
    public static void Start(SimNodeContext context, KeyValueLoad load, int client, Action<object> group)
    {
        load.End(client);
        var random = new SeededRandom(context.Random.NextInt64());
        context.ActorOf(Props.Create(() => new KeyValueWorkload(load, client, group, random)), $"workload-{client}");
    }

    protected override void PreStart() => Next();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Go: Begin(); break;
            case Ended m: OnEnded(m); break;
            case ReadStale m: OnReadStale(m); break;
            default: Unhandled(message); break;
        }
    }

    private void Next() => Timers.StartSingleTimer(Go.Instance, Go.Instance, _load.Think * _random.NextDouble());

    private void Begin()
    {
        if (!_load.TryBegin(_client, out var number))
            return;
        var key = $"k{_random.Next(_load.Keys)}";
        var operation = Operation(key, $"{number}");
        if (operation is KeyValueOperation.Get && _random.NextDouble() < _load.StaleReads)
        {
            var self = Self;
            _group(new Query(GetQuery(key), ReadMode.Stale, null, reply => self.Tell(new ReadStale(key, reply), ActorRefs.NoSender)));
            return;
        }

        Send(_load.History.Begin(_client, operation), operation is KeyValueOperation.Get ? default : Token(number), 1);
    }

    private KeyValueOperation Operation(string key, string value)
    {
        if (_client == _load.Onlooker)
            return new KeyValueOperation.Get(key);
        var (puts, deletes, swaps, increments) = _load.Shares;
        var choice = _random.Next(100);
        if (_load.LongestValue > 0 && choice < puts)
            value = value.PadRight(_random.Next(_load.LongestValue), 'x');
        return (choice -= puts) < 0 ? new KeyValueOperation.Put(key, value)
            : (choice -= deletes) < 0 ? new KeyValueOperation.Delete(key)
            : (choice -= swaps) < 0 ? new KeyValueOperation.CompareAndSet(key, _load.LastValue(key), value)
            : choice < increments ? new KeyValueOperation.Increment(key, 1)
            : new KeyValueOperation.Get(key);
    }

    private void Send(HistoryEntry<KeyValueOperation, KeyValueResult> entry, ReadOnlyMemory<byte> token, int tries)
    {
        var self = Self;
        Action<GroupReply> complete = reply => self.Tell(new Ended(entry, token, tries, reply), ActorRefs.NoSender);
        if (entry.Operation is KeyValueOperation.Get)
            _group(new Query(GetQuery(entry.Operation.Key), _client != _load.Onlooker && _random.NextDouble() < _load.BarrierReads ? ReadMode.Barrier : ReadMode.Linearizable, null, complete));
        else
            _group(new Submit(Command(entry.Operation), token, tries == 1 ? null : TimeSpan.FromSeconds(2), complete));
    }

    private static byte[] GetQuery(string key) => KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = Encoding.UTF8.GetBytes(key) });

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
        _load.OnReply(m.Reply, m.Entry.Operation);
        if (m.Reply.Outcome is Outcome.Unknown && m.Token.Length > 0 && m.Tries < MaxTries)
        {
            Send(m.Entry, m.Token, m.Tries + 1);    // the token makes it safe: it is the same operation still
            return;
        }

        if (m.Reply.Outcome is Outcome.Ok)
            _load.History.Done(m.Entry, Result(m.Entry.Operation, m.Reply));
        else if (m.Reply.Outcome is Outcome.Failed && m.Entry.Operation is KeyValueOperation.Increment)
            _load.History.Done(m.Entry, new KeyValueResult(false));
        else if (m.Entry.Operation is KeyValueOperation.Get || (m.Reply.NotApplied && m.Tries == 1))
            _load.History.NotApplied(m.Entry);
        _load.End(_client);
        Next();
    }

    private void OnReadStale(ReadStale m)
    {
        _load.OnStaleReply(m.Reply, m.Key);
        _load.End(_client);
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

    private sealed record Ended(HistoryEntry<KeyValueOperation, KeyValueResult> Entry, ReadOnlyMemory<byte> Token, int Tries, GroupReply Reply) : INoSerializationVerificationNeeded;

    private sealed record ReadStale(string Key, GroupReply Reply) : INoSerializationVerificationNeeded;
}
