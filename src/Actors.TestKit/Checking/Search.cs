namespace Actors.TestKit;

/// <summary>The search for an order of the operations on one part of an object.</summary>
/// <remarks>
/// Operations that are done stand in a linked list of their begins and ends; placing one takes both out of the list. An operation may be placed
/// next when its begin stands before the first end that is left. Operations of unknown outcome stand apart and are tried last, because they
/// may also be left out.
/// </remarks>
internal sealed class Search<TState, TOperation, TResult>
    where TState : notnull
{
    private const int Head = 0;

    private readonly ISequentialModel<TState, TOperation, TResult> _model;
    private readonly int _maxStates;
    private readonly HistoryEntry<TOperation, TResult>[] _done;
    private readonly HistoryEntry<TOperation, TResult>[] _open;

    // The list: event 0 is its head, the others are sorted by order. Operation i of _done has two, operation i of _open none.
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _operationAt;    // by event; an end is the complement of its operation
    private readonly int[] _endOf;          // by operation

    private readonly List<(int Operation, int Event, TState Before)> _placed = [];
    private readonly PlacedSet _doneSet;
    private readonly PlacedSet _openSet;
    private readonly HashSet<(PlacedSet.Frozen, PlacedSet.Frozen, TState)> _seen = [];
    private TState _state;
    private (int[] Order, TState State) _longest;

    public Search(ISequentialModel<TState, TOperation, TResult> model, IReadOnlyList<HistoryEntry<TOperation, TResult>> entries, int maxStates)
    {
        _model = model;
        _maxStates = maxStates;
        _done = [.. entries.Where(entry => entry.Outcome == OperationOutcome.Done).OrderBy(entry => entry.BeganOrder)];
        _open = [.. entries.Where(entry => entry.Outcome == OperationOutcome.Unknown).OrderBy(entry => entry.BeganOrder)];
        _state = model.Initial;
        _doneSet = new PlacedSet(_done.Length);
        _openSet = new PlacedSet(_open.Length);
        _longest = ([], _state);

        var events = _done.SelectMany((entry, i) => new[] { (Order: entry.BeganOrder, Operation: i), (Order: entry.EndedOrder, Operation: ~i) }).OrderBy(e => e.Order).ToArray();
        _next = [.. Enumerable.Range(1, events.Length + 1)];
        _next[events.Length] = Head;
        _previous = [events.Length, .. Enumerable.Range(0, events.Length)];
        _operationAt = [0, .. events.Select(e => e.Operation)];
        _endOf = new int[_done.Length];
        for (var i = 1; i < _operationAt.Length; i++)
        {
            if (_operationAt[i] < 0)
                _endOf[~_operationAt[i]] = i;
        }
    }

    public LinearizabilityVerdict Run()
    {
        var (at, open) = (_next[Head], 0);      // the next candidate: a begin in the list, or else one of the open operations
        while (_next[Head] != Head)
        {
            if (TryNext(ref at, ref open))
            {
                if (_seen.Count > _maxStates)
                    return LinearizabilityVerdict.Undecided;
                (at, open) = (_next[Head], 0);
            }
            else if (_placed.Count == 0)
            {
                return LinearizabilityVerdict.NotLinearizable;
            }
            else
            {
                (at, open) = TakeBack();
            }
        }

        return LinearizabilityVerdict.Linearizable;
    }

    public string Explain()
    {
        var (order, state) = _longest;
        var placed = order.Select(Entry).ToArray();
        var left = _done.Except(placed).ToArray();
        var firstEnd = left.Min(entry => entry.EndedOrder);
        var lines = new List<string> { $"{placed.Count(entry => entry.Outcome == OperationOutcome.Done)} of {_done.Length} operations can be put in order, the last of them" };
        lines.AddRange(placed.TakeLast(10).Select(entry => $"  {entry}"));
        lines.Add($"which gives {state}; none of these fits next");
        lines.AddRange(left.Where(entry => entry.BeganOrder < firstEnd).Select(entry => $"  {entry}"));
        return string.Join(Environment.NewLine, lines);
    }

    /// <summary>Places the first candidate from here on that fits and leads to something new.</summary>
    private bool TryNext(ref int at, ref int open)
    {
        for (; _operationAt[at] >= 0; at = _next[at])
        {
            if (TryPlace(_operationAt[at], at))
                return true;
        }

        for (var firstEnd = _done[~_operationAt[at]].EndedOrder; open < _open.Length && _open[open].BeganOrder < firstEnd; open++)
        {
            if (!_openSet.Contains(open) && TryPlace(_done.Length + open, 0))
                return true;
        }

        return false;
    }

    private bool TryPlace(int operation, int begin)
    {
        var entry = Entry(operation);
        var (next, result) = _model.Apply(_state, entry.Operation);
        if (entry.Outcome == OperationOutcome.Done && !_model.Agrees(entry.Result!, result))
            return false;
        Flip(operation);
        if (!_seen.Add((_doneSet.Freeze(), _openSet.Freeze(), next)))
        {
            Flip(operation);
            return false;
        }

        _placed.Add((operation, begin, _state));
        _state = next;
        if (operation < _done.Length)
        {
            Unlink(begin);
            Unlink(_endOf[operation]);
        }

        return true;
    }

    /// <summary>Takes the last one back and returns the candidate after it.</summary>
    private (int At, int Open) TakeBack()
    {
        if (_placed.Count > _longest.Order.Length)
            _longest = ([.. _placed.Select(placed => placed.Operation)], _state);
        var (operation, begin, before) = _placed[^1];
        _placed.RemoveAt(_placed.Count - 1);
        Flip(operation);
        _state = before;
        if (operation >= _done.Length)
            return (FirstEnd(), operation - _done.Length + 1);
        Relink(_endOf[operation]);
        Relink(begin);
        return (_next[begin], 0);
    }

    private void Flip(int operation)
    {
        if (operation < _done.Length)
            _doneSet.Flip(operation);
        else
            _openSet.Flip(operation - _done.Length);
    }

    private int FirstEnd()
    {
        var at = _next[Head];
        while (_operationAt[at] >= 0)
            at = _next[at];
        return at;
    }

    private HistoryEntry<TOperation, TResult> Entry(int operation) => operation < _done.Length ? _done[operation] : _open[operation - _done.Length];

    private void Unlink(int item)
    {
        _next[_previous[item]] = _next[item];
        _previous[_next[item]] = _previous[item];
    }

    private void Relink(int item)
    {
        _next[_previous[item]] = item;
        _previous[_next[item]] = item;
    }
}
