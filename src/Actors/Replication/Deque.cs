namespace Actors.Replication;

/// <summary>A ring that grows: pushes at the back, pops at both ends, indexes from the front; all in constant time.</summary>
internal sealed class Deque<T>
{
    private T[] _items = new T[16];
    private int _front;

    public int Count { get; private set; }

    public T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return _items[(_front + index) & (_items.Length - 1)];
        }
    }

    public void PushBack(T item)
    {
        if (Count == _items.Length)
            Grow();
        _items[(_front + Count++) & (_items.Length - 1)] = item;
    }

    public T PopFront()
    {
        var item = this[0];
        _items[_front] = default!;
        _front = (_front + 1) & (_items.Length - 1);
        Count--;
        return item;
    }

    public T PopBack()
    {
        var item = this[Count - 1];
        Count--;
        _items[(_front + Count) & (_items.Length - 1)] = default!;
        return item;
    }

    private void Grow()
    {
        var items = new T[_items.Length * 2];
        for (var i = 0; i < Count; i++)
            items[i] = this[i];
        (_items, _front) = (items, 0);
    }
}
