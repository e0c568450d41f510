using Actors.Membership;

namespace Actors.TestKit;

/// <summary>One direction between two nodes.</summary>
internal sealed class Channel(NodeId from, NodeId to)
{
    private int _cuts;
    private int _clogs;
    private List<Delivery> _held = [];

    public NodeId From { get; } = from;

    public NodeId To { get; } = to;

    /// <summary>Its own faults, or null for those of the network.</summary>
    public LinkFaults? Faults { get; set; }

    /// <summary>Messages that are sent or arrive now are lost.</summary>
    public bool IsCut => _cuts > 0;

    /// <summary>Messages that arrive now wait until the last clog ends.</summary>
    public bool IsClogged => _clogs > 0;

    public void Cut() => _cuts++;

    public void Mend() => _cuts--;

    public void Clog() => _clogs++;

    public void Hold(Delivery delivery) => _held.Add(delivery);

    public void Unclog()
    {
        if (--_clogs > 0)
            return;
        var held = _held;
        _held = [];
        foreach (var delivery in held)
            delivery.Fire();
    }
}
