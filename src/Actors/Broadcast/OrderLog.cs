using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>The order of a total order, as one member has it: places by index, of which the first ones may be forgotten.</summary>
/// <remarks>Two orders with the same epoch at an index are the same up to there (Ongaro and Ousterhout, ATC 2014, section 5.3: log matching).</remarks>
internal sealed class OrderLog
{
    private readonly List<Place> _places = [];                              // from the index after _base on
    private readonly SortedDictionary<ParticipantId, long> _ordered = [];   // of each life the highest number that has a place
    private SortedDictionary<ParticipantId, long> _orderedAtBase = [];
    private LogPosition _base;

    /// <summary>The last place that is forgotten.</summary>
    public LogPosition Base => _base;

    /// <summary>The last place.</summary>
    public LogPosition Last => _places.Count == 0 ? _base : new LogPosition(_places[^1].Epoch, _base.Index + _places.Count);

    /// <summary>Bytes of the messages in it.</summary>
    public long Bytes { get; private set; }

    public Place this[long index] => _places[(int)(index - _base.Index - 1)];

    /// <summary>Of each life the highest number that had a place up to <see cref="Base"/>.</summary>
    public IReadOnlyList<Extent> OrderedAtBase => OrderedAt(_base.Index);

    /// <summary>Of each life the highest number that has a place up to <paramref name="index"/>, which is not below <see cref="Base"/>.</summary>
    public IReadOnlyList<Extent> OrderedAt(long index)
    {
        var ordered = new SortedDictionary<ParticipantId, long>(_orderedAtBase);
        foreach (var place in _places.Take((int)(index - _base.Index)))
        {
            if (place.Item is { } item)
                ordered[item.Id.Origin] = Math.Max(ordered.GetValueOrDefault(item.Id.Origin), item.Id.Sequence);
        }

        return [.. ordered.Select(last => new Extent(last.Key, last.Value, last.Value))];
    }

    /// <summary>The highest number of <paramref name="origin"/> that has a place.</summary>
    public long OrderedOf(ParticipantId origin) => _ordered.GetValueOrDefault(origin);

    /// <summary>True when this order has <paramref name="position"/>, or forgot it.</summary>
    public bool Has(LogPosition position) =>
        position.Index <= _base.Index || (position.Index <= Last.Index && this[position.Index].Epoch == position.Epoch);

    /// <summary>The position of <paramref name="index"/>, which is not forgotten, or the last that is.</summary>
    public LogPosition PositionOf(long index) => index == _base.Index ? _base : new LogPosition(this[index].Epoch, index);

    public void Append(Place place)
    {
        _places.Add(place);
        if (place.Item is not { } item)
            return;
        Bytes += item.Payload.Length;
        _ordered[item.Id.Origin] = Math.Max(_ordered.GetValueOrDefault(item.Id.Origin), item.Id.Sequence);
    }

    /// <summary>Takes what follows <paramref name="previous"/>: where another place stands, it and all behind it go.</summary>
    /// <param name="previous">A position that <see cref="Has"/>.</param>
    /// <param name="places">Consecutive ones.</param>
    /// <param name="final">Nothing up to here may go.</param>
    /// <exception cref="InvalidOperationException">Something would: two sequencers have ordered.</exception>
    public void Merge(LogPosition previous, IReadOnlyList<Place> places, long final)
    {
        for (var i = 0; i < places.Count; i++)
        {
            var index = previous.Index + 1 + i;
            if (index <= _base.Index || (index <= Last.Index && this[index].Epoch == places[i].Epoch))
                continue;
            if (index <= Last.Index)
                Truncate(index, final);
            Append(places[i]);
        }
    }

    /// <summary>Everything up to <paramref name="index"/> has been delivered everywhere.</summary>
    public void Forget(long index)
    {
        var count = (int)(Math.Min(index, Last.Index) - _base.Index);
        if (count <= 0)
            return;
        _base = PositionOf(_base.Index + count);
        foreach (var place in _places.Take(count))
        {
            if (place.Item is not { } item)
                continue;
            Bytes -= item.Payload.Length;
            _orderedAtBase[item.Id.Origin] = Math.Max(_orderedAtBase.GetValueOrDefault(item.Id.Origin), item.Id.Sequence);
        }

        _places.RemoveRange(0, count);
    }

    /// <summary>Begins anew after <paramref name="position"/>.</summary>
    public void Reset(LogPosition position, IReadOnlyList<Extent> ordered)
    {
        _places.Clear();
        _ordered.Clear();
        Bytes = 0;
        _base = position;
        _orderedAtBase = [];
        foreach (var extent in ordered)
            _orderedAtBase[extent.Origin] = _ordered[extent.Origin] = extent.UpTo;
    }

    private void Truncate(long index, long final)
    {
        if (index <= final)
            throw new InvalidOperationException($"place {index} of the order is to be given to another message, though {final} places have been delivered here");
        var kept = (int)(index - _base.Index - 1);
        foreach (var place in _places.Skip(kept))
            Bytes -= place.Item?.Payload.Length ?? 0;
        _places.RemoveRange(kept, _places.Count - kept);
        _ordered.Clear();
        foreach (var (origin, last) in _orderedAtBase)
            _ordered[origin] = last;
        foreach (var place in _places)
        {
            if (place.Item is { } item)
                _ordered[item.Id.Origin] = Math.Max(_ordered.GetValueOrDefault(item.Id.Origin), item.Id.Sequence);
        }
    }
}
