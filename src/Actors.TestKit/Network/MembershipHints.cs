using Actors.Membership;

namespace Actors.TestKit;

/// <summary>What a membership service says of a peer.</summary>
/// <param name="Peer">The node it speaks of.</param>
/// <param name="Suspected">True: it cannot be reached; false: it is back.</param>
public sealed record MembershipHint(NodeId Peer, bool Suspected);

/// <summary>How good the membership service's hints are.</summary>
public sealed record HintFaults
{
    private readonly double _missing;

    /// <summary>A change is noticed after this at the earliest; default 0.5 s.</summary>
    public TimeSpan MinDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>And after this at the latest; default 3 s.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The share of changes that are never noticed: 0 to 1, default 0.</summary>
    public double Missing { get => _missing; init => _missing = Rate.Checked(value, nameof(Missing)); }
}

/// <summary>A membership service: tells every node which others it cannot hear, by the state of nodes and network.</summary>
internal sealed class MembershipHints(Simulation simulation)
{
    private readonly List<(Life Life, Action<MembershipHint> Handler)> _observers = [];
    private readonly HashSet<(Life, NodeId)> _unheard = [];     // the truth
    private readonly HashSet<(Life, NodeId)> _suspected = [];   // what observers were told
    private readonly SeededRandom _random = simulation.RandomFor("hints");

    public HintFaults Faults { get; set; } = new();

    public void Add(Life life, Action<MembershipHint> handler) => _observers.Add((life, handler));

    /// <summary>Something changed: plans a hint for every observer whom it concerns.</summary>
    public void Update()
    {
        _observers.RemoveAll(observer => observer.Life.IsDead);
        foreach (var (life, handler) in _observers)
        {
            foreach (var peer in simulation.Nodes)
            {
                var unheard = IsUnheard(life, peer);
                var changed = unheard ? _unheard.Add((life, peer.Id)) : _unheard.Remove((life, peer.Id));
                if (changed && !_random.Chance(Faults.Missing))
                    Plan(life, handler, peer, unheard);
            }
        }
    }

    /// <summary>Tells <paramref name="observer"/> <paramref name="hint"/> at once, whatever the truth; what is wrong is corrected like any other change.</summary>
    public void Tell(SimNode observer, MembershipHint hint)
    {
        foreach (var (life, handler) in _observers.Where(entry => entry.Life.Node == observer))
        {
            simulation.World.After(0, new ActionEvent(() => Give(life, handler, hint)) { Owner = life });
            var peer = simulation.Node(hint.Peer);
            if (IsUnheard(life, peer) != hint.Suspected)
                Plan(life, handler, peer, !hint.Suspected);
        }
    }

    private static bool Hears(Life life, SimNode peer, SimNetwork network) => peer.IsUp && !peer.IsPaused && network.Connects(peer.Id, life.Node.Id);

    private bool IsUnheard(Life life, SimNode peer) => peer != life.Node && !Hears(life, peer, simulation.Network);

    private void Plan(Life life, Action<MembershipHint> handler, SimNode peer, bool unheard)
    {
        var delay = _random.Between(Faults.MinDelay, Faults.MaxDelay).Ticks;
        simulation.World.After(delay, new ActionEvent(GiveIfStillTrue) { Owner = life });

        void GiveIfStillTrue()
        {
            if (IsUnheard(life, peer) == unheard)
                Give(life, handler, new MembershipHint(peer.Id, unheard));
        }
    }

    private void Give(Life life, Action<MembershipHint> handler, MembershipHint hint)
    {
        if (hint.Suspected ? !_suspected.Add((life, hint.Peer)) : !_suspected.Remove((life, hint.Peer)))
            return;
        simulation.World.Trace.Note(simulation.World.Now, "?", life.Node.Id.Value, hint);
        handler(hint);
    }
}
