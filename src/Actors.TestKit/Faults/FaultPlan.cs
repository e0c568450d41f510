using System.Text;

namespace Actors.TestKit;

/// <summary>What goes wrong in a run, as data: rates that hold all the time, and events. It can be printed, run again, and made smaller.</summary>
public sealed record FaultPlan
{
    /// <summary>How links treat messages.</summary>
    public LinkFaults Link { get; init; } = new();

    /// <summary>How disks behave.</summary>
    public DiskFaults Disk { get; init; } = new();

    /// <summary>How good hints of the membership service are.</summary>
    public HintFaults Hints { get; init; } = new();

    /// <summary>In the order of their beginning.</summary>
    public IReadOnlyList<FaultEvent> Events { get; init; } = [];

    /// <summary>A smaller plan for which <paramref name="stillFails"/> holds, as it must for this one: no single event or rate of it can be left out.</summary>
    /// <param name="stillFails">Runs the same seed with the plan it is given and tells whether the run fails; asked some 10 to 100 times.</param>
    public FaultPlan Shrink(Func<FaultPlan, bool> stillFails)
    {
        ArgumentNullException.ThrowIfNull(stillFails);
        var plan = this;
        Try(plan with { Link = new LinkFaults() });
        Try(plan with { Disk = new DiskFaults() });
        Try(plan with { Hints = new HintFaults() });
        return plan with { Events = Minimal(plan.Events, events => stillFails(plan with { Events = events })) };

        void Try(FaultPlan smaller)
        {
            if (smaller != plan && stillFails(smaller))
                plan = smaller;
        }
    }

    /// <summary>The rates that differ from the defaults, then one line for each event.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Link != new LinkFaults())
            text.AppendLine(Link.ToString());
        if (Disk != new DiskFaults())
            text.AppendLine(Disk.ToString());
        if (Hints != new HintFaults())
            text.AppendLine(Hints.ToString());
        foreach (var item in Events)
            text.AppendLine(item.ToString());
        return text.Length == 0 ? "no faults" : text.ToString().TrimEnd();
    }

    /// <summary>A part of <paramref name="items"/>, in their order, that fails and of which no single item can be left out.</summary>
    /// <remarks>Delta debugging: tries ever smaller complements (Zeller and Hildebrandt, TSE 2002).</remarks>
    internal static IReadOnlyList<T> Minimal<T>(IReadOnlyList<T> items, Func<IReadOnlyList<T>, bool> fails)
    {
        if (items.Count > 0 && fails([]))
            return [];
        for (var parts = 2; items.Count > 0;)
        {
            var size = (items.Count + parts - 1) / parts;
            var smaller = Enumerable.Range(0, parts)
                .Select(part => (IReadOnlyList<T>)[.. items.Take(part * size), .. items.Skip((part + 1) * size)])
                .FirstOrDefault(rest => rest.Count < items.Count && rest.Count > 0 && fails(rest));
            if (smaller is not null)
                (items, parts) = (smaller, Math.Max(parts - 1, 2));
            else if (parts >= items.Count)
                break;
            else
                parts = Math.Min(parts * 2, items.Count);
        }

        return items;
    }
}
