using Actors.TestKit;

namespace Actors.Node.Commands;

/// <summary>A range of seeds, run on several threads; one simulation lives on one thread.</summary>
/// <param name="from">The first seed.</param>
/// <param name="to">The last.</param>
/// <param name="threads">Seeds at a time.</param>
/// <param name="options">Trace settings of every run.</param>
/// <param name="loss">In place of the loss rate that each seed chooses.</param>
/// <param name="duplicate">In place of the duplication rate that each seed chooses.</param>
internal sealed class Sweep(long from, long to, int threads, SimulationOptions options, double? loss, double? duplicate)
{
    private readonly Lock _lock = new();
    private readonly List<SwarmRun> _violations = [];
    private long _next = from - 1;
    private long _done;

    public long From => from;

    public long To => to;

    public long Seeds => to - from + 1;

    public long Done => Interlocked.Read(ref _done);

    public TimeSpan VirtualTime { get; private set; }

    public long Steps { get; private set; }

    public long Operations { get; private set; }

    public SortedDictionary<FaultKind, long> Faults { get; } = [];

    public SortedDictionary<string, long> Sometimes { get; } = new(StringComparer.Ordinal);

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

    public Task RunAsync() => Task.WhenAll(Enumerable.Range(0, threads).Select(_ => Task.Factory.StartNew(
        Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

    /// <summary>A smaller fault plan under which the seed fails too.</summary>
    public static FaultPlan Smaller(SwarmRun violation) => violation.Plan.Shrink(plan => PrimaryBackupSwarm.Run(violation.Seed, plan).Failure is not null);

    private void Work()
    {
        for (var seed = Interlocked.Increment(ref _next); seed <= to; seed = Interlocked.Increment(ref _next))
        {
            var run = PrimaryBackupSwarm.Run(seed, options: options, change: Change);
            lock (_lock)
                Add(run);
            Interlocked.Increment(ref _done);
        }
    }

    private FaultPlan Change(FaultPlan plan) => plan with
    {
        Link = plan.Link with { Loss = loss ?? plan.Link.Loss, Duplicate = duplicate ?? plan.Link.Duplicate },
    };

    private void Add(SwarmRun run)
    {
        VirtualTime += run.VirtualTime;
        Steps += run.Steps;
        Operations += run.Operations;
        foreach (var (kind, count) in run.Faults)
            Faults[kind] = Faults.GetValueOrDefault(kind) + count;
        foreach (var (name, count) in run.Sometimes)
            Sometimes[name] = Sometimes.GetValueOrDefault(name) + (count > 0 ? 1 : 0);
        TraceHash ^= run.TraceHash * (2 * (ulong)run.Seed + 1);
        if (run.Failure is not null)
            _violations.Add(run);
    }
}
