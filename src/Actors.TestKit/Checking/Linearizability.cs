namespace Actors.TestKit;

/// <summary>What a check of a history found.</summary>
public enum LinearizabilityVerdict
{
    /// <summary>There is an order of the operations that explains every result.</summary>
    Linearizable,

    /// <summary>There is none.</summary>
    NotLinearizable,

    /// <summary>The search was given up.</summary>
    Undecided,
}

/// <summary>The result of a check.</summary>
/// <param name="Verdict">What was found.</param>
/// <param name="Operations">How many operations were checked.</param>
/// <param name="Explanation">Where the search got stuck: the key, the longest order that works, and the operations of which none fits next. Empty when linearizable.</param>
public sealed record LinearizabilityResult(LinearizabilityVerdict Verdict, int Operations, string Explanation)
{
    /// <summary>True when there is an order that explains every result.</summary>
    public bool IsLinearizable => Verdict == LinearizabilityVerdict.Linearizable;
}

/// <summary>Checks whether a history could come from an object that does one operation at a time, each at an instant between its begin and its end.</summary>
/// <remarks>
/// Part by part (Herlihy and Wing, TOPLAS 1990: linearizability is local), each by depth-first search with memory of sets and states that led
/// nowhere (Wing and Gong, JPDC 1993; Lowe, CCPE 2017). Operations of unknown outcome may be placed anywhere after their begin, or nowhere.
/// </remarks>
public static class Linearizability
{
    /// <summary>Checks <paramref name="history"/> against <paramref name="model"/>.</summary>
    /// <param name="model">What the object does.</param>
    /// <param name="history">What clients saw.</param>
    /// <param name="maxStates">After so many remembered states of one part the search is given up; default 5,000,000.</param>
    public static LinearizabilityResult Check<TState, TOperation, TResult>(
        ISequentialModel<TState, TOperation, TResult> model, History<TOperation, TResult> history, int maxStates = 5_000_000)
        where TState : notnull
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(history);
        var entries = history.Entries.Where(entry => entry.Outcome != OperationOutcome.NotApplied).ToList();
        var result = new LinearizabilityResult(LinearizabilityVerdict.Linearizable, entries.Count, "");
        foreach (var part in entries.GroupBy(entry => model.KeyOf(entry.Operation), StringComparer.Ordinal).OrderBy(part => part.Key, StringComparer.Ordinal))
        {
            var search = new Search<TState, TOperation, TResult>(model, [.. part], maxStates);
            var verdict = search.Run();
            if (verdict == LinearizabilityVerdict.NotLinearizable)
                return result with { Verdict = verdict, Explanation = $"key {part.Key}: {search.Explain()}" };
            if (verdict == LinearizabilityVerdict.Undecided)
                result = result with { Verdict = verdict, Explanation = $"key {part.Key}: given up after {maxStates} states" };
        }

        return result;
    }
}
