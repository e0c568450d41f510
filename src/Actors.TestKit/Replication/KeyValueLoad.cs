using Actors.Replication;

namespace Actors.TestKit;

/// <summary>What the clients of one run do, and share: how much is left to do, and what was done.</summary>
/// <param name="simulation">Whose time the history is on.</param>
/// <param name="random">Chooses the mix of operations.</param>
internal sealed class KeyValueLoad(Simulation simulation, SeededRandom random)
{
    /// <summary>Operations of which the outcome is known, at least, whatever happens: as many as a check needs to mean something.</summary>
    public const int MinOperations = 200;

    private readonly Dictionary<string, string?> _seen = [];
    private readonly SortedDictionary<Outcome, long> _outcomes = [];
    private readonly int _more = 20 + random.Next(200);
    private readonly int _keys = 1 + random.Next(8);
    private readonly HashSet<int> _busy = [];
    private int _taken;
    private int _known;

    /// <summary>In a few runs so many users share one client, all at once: they fill its window, and stay at the limits of its queue and of the group's. 0 in the others.</summary>
    public int Crowd { get; } = random.Chance(0.03) ? 100 + random.Next(1200) : 0;

    /// <summary>Shares of writes, in percent; the rest are reads. Some loads mostly count, which shows each command that runs twice; some mostly read.</summary>
    public (int Puts, int Deletes, int Swaps, int Increments) Shares { get; } = random.Next(5) switch
    {
        0 => (5, 5, 10, 50),
        1 => (10, 5, 50, 5),
        2 => (25, 0, 0, 0),
        _ => (30, 10, 10, 10),
    };

    /// <summary>A user that only reads, and from whom it may by a lease: neither writes nor reads that wait hold it up. Null in most runs.</summary>
    public int? Onlooker { get; set; }

    /// <summary>Told of every answer.</summary>
    public SimGroup Group { get; set; } = null!;

    /// <summary>The number of keys; many for a crowd: what many do at once with one key takes long to check.</summary>
    public int Keys => _keys + Crowd / 4;

    /// <summary>The longest pause of a client between two operations.</summary>
    public TimeSpan Think { get; } = TimeSpan.FromMilliseconds(1 + random.Next(300));

    /// <summary>The share of reads that ask a replica for what it has; 0 in half of the runs.</summary>
    public double StaleReads { get; } = random.Chance(0.5) ? 0 : random.NextDouble();

    /// <summary>The share of the other reads that trust no clock, whatever the group's settings say; 0 in half of the runs.</summary>
    public double BarrierReads { get; } = random.Chance(0.5) ? 0 : random.NextDouble();

    /// <summary>The longest value, in bytes; in some runs so long that few fit into one message.</summary>
    public int LongestValue { get; } = random.Chance(0.85) ? 0 : 30_000;

    public History<KeyValueOperation, KeyValueResult> History { get; } = new(() => simulation.Now);

    /// <summary>Operations whose outcome clients know.</summary>
    public int Known => _known;

    /// <summary>True when enough was done and nothing is under way.</summary>
    public bool IsDone => AllTaken && _busy.Count == 0;

    private bool AllTaken => _taken >= MinOperations + _more + 2 * Crowd && _known >= MinOperations;

    public IReadOnlyDictionary<Outcome, long> Outcomes => _outcomes;

    /// <summary>Gives <paramref name="client"/> the next operation's number; false when there is none left.</summary>
    public bool TryBegin(int client, out int number)
    {
        number = _taken;
        if (AllTaken)
            return false;
        _taken++;
        _busy.Add(client);
        return true;
    }

    /// <summary><paramref name="client"/> waits for nothing, or never will hear of it.</summary>
    public void End(int client) => _busy.Remove(client);

    public string? LastValue(string key) => _seen.GetValueOrDefault(key);

    public void Saw(string key, string? value) => _seen[key] = value;

    /// <summary>A client got an answer.</summary>
    public void OnReply(in GroupReply reply, KeyValueOperation operation)
    {
        _outcomes[reply.Outcome] = _outcomes.GetValueOrDefault(reply.Outcome) + 1;
        if (reply.Outcome is not Outcome.Unknown)
            _known++;
        if (operation is not KeyValueOperation.Get)
            Group.OnAnswer(reply);
    }

    /// <summary>A client got the answer to a stale read: no part of the linearizable history.</summary>
    public void OnStaleReply(in GroupReply reply, string key)
    {
        _outcomes[reply.Outcome] = _outcomes.GetValueOrDefault(reply.Outcome) + 1;
        _known++;
        if (reply.Outcome is Outcome.Ok)
            Group.OnStaleValue(key, reply);
    }
}
