namespace Actors.TestKit;

/// <summary>A range of seeds of one protocol, run on several threads; one simulation lives on one thread. What it finds does not depend on their number.</summary>
public sealed class SwarmSweep
{
    /// <summary>Only sweeps of so many seeds are expected to see everything that a good sweep sees.</summary>
    public const int SeedsToSeeEverything = 300;

    private readonly Lock _lock = new();
    private readonly List<SwarmRun> _violations = [];
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private readonly SortedDictionary<string, long> _sometimes = new(StringComparer.Ordinal);
    private long _next;
    private long _done;

    /// <summary>A sweep of the seeds <paramref name="from"/> to <paramref name="to"/>, both included.</summary>
    public SwarmSweep(long from, long to)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(to, from);
        (From, To, _next) = (from, to, from - 1);
    }

    /// <summary>What is run; primary-backup unless set.</summary>
    public Swarm Swarm { get; init; } = Swarm.PrimaryBackup;

    /// <summary>The first seed.</summary>
    public long From { get; }

    /// <summary>The last seed.</summary>
    public long To { get; }

    /// <summary>The number of seeds.</summary>
    public long Seeds => To - From + 1;

    /// <summary>Seeds at a time; default: one for each core.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>What is the same in every run.</summary>
    public SwarmOptions Options { get; init; } = new();

    /// <summary>Trace settings of every run.</summary>
    public SimulationOptions Simulation { get; init; } = new();

    /// <summary>True: seeds above the first one that fails are not begun. Default false.</summary>
    public bool StopsAtFirst { get; init; }

    /// <summary>Seeds run so far.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Simulated time.</summary>
    public TimeSpan VirtualTime { get; private set; }

    /// <summary>Messages handled.</summary>
    public long Steps { get; private set; }

    /// <summary>Operations of clients, checked.</summary>
    public long Operations { get; private set; }

    /// <summary>The operations of the seed that had the fewest, of those that did not fail.</summary>
    public long FewestOperations { get; private set; } = long.MaxValue;

    /// <summary>The fault events of the seed that had the fewest, of those that did not fail.</summary>
    public long FewestFaults { get; private set; } = long.MaxValue;

    /// <summary>Fault events that took effect, by kind.</summary>
    public IReadOnlyDictionary<FaultKind, long> Faults => _faults;

    /// <summary>In how many seeds each property that a good sweep sees was seen.</summary>
    public IReadOnlyDictionary<string, long> Sometimes => _sometimes;

    /// <summary>What a sweep of this size should have seen and did not: it is blind there.</summary>
    public IReadOnlyList<string> NeverSeen => Seeds < SeedsToSeeEverything ? [] : [.. _sometimes.Where(s => s.Value == 0).Select(s => s.Key)];

    /// <summary>The same for the same seeds, in whatever order they ran.</summary>
    public ulong TraceHash { get; private set; }

    /// <summary>The runs that failed, by seed.</summary>
    public IReadOnlyList<SwarmRun> Violations
    {
        get
        {
            lock (_lock)
                return [.. _violations.OrderBy(v => v.Seed)];
        }
    }

    /// <summary>Runs all seeds.</summary>
    public Task RunAsync() => Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
        Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

    /// <summary>A smaller fault plan under which the seed of <paramref name="violation"/> fails too.</summary>
    public FaultPlan Smaller(SwarmRun violation)
    {
        ArgumentNullException.ThrowIfNull(violation);
        return violation.Plan.Shrink(plan => Swarm.Run(violation.Seed, Options, plan, new SimulationOptions()).Failure is not null);
    }

    private void Work()
    {
        for (var seed = Interlocked.Increment(ref _next); seed <= To; seed = Interlocked.Increment(ref _next))
        {
            var run = Swarm.Run(seed, Options, null, Simulation);
            lock (_lock)
                Add(run);
            Interlocked.Increment(ref _done);
            if (StopsAtFirst && run.Failure is not null)
                Interlocked.Exchange(ref _next, To);
        }
    }

    private void Add(SwarmRun run)
    {
        VirtualTime += run.VirtualTime;
        Steps += run.Steps;
        Operations += run.Operations;
        foreach (var (kind, count) in run.Faults)
            _faults[kind] = _faults.GetValueOrDefault(kind) + count;
        foreach (var (name, count) in run.Sometimes)
            _sometimes[name] = _sometimes.GetValueOrDefault(name) + (count > 0 ? 1 : 0);
        TraceHash ^= run.TraceHash * (2 * (ulong)run.Seed + 1);
        if (run.Failure is not null)
        {
            _violations.Add(run);
            return;
        }

        FewestOperations = Math.Min(FewestOperations, run.Operations);
        FewestFaults = Math.Min(FewestFaults, run.Faults.Values.Sum());
    }
}
