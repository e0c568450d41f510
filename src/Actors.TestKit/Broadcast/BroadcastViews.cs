using Actors.Broadcast;
using Actors.Membership;

namespace Actors.TestKit;

/// <summary>Nodes that join and are removed while a simulated group works, and what must be true of its views.</summary>
/// <param name="simulation">The simulation.</param>
/// <param name="group">A group whose members change.</param>
/// <param name="mayRemove">Which nodes may be removed as things stand: with crashes no more may be gone than the group survives.</param>
internal sealed class BroadcastViews(Simulation simulation, SimBroadcast group, Func<NodeId, bool> mayRemove)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);

    private readonly SeededRandom _random = simulation.RandomFor("views");
    private readonly SortedDictionary<long, GroupView> _views = [];
    private readonly Dictionary<NodeId, BroadcastView> _known = [];
    private readonly HashSet<(NodeId At, int Life, int Number)> _pending = [];      // changes that were asked for and are not answered
    private int _changes;

    public static readonly string[] Sometimes = ["a node joined", "a member was removed", "a member that was removed came back", "a change of the members was refused", "a view became whole"];

    /// <summary>Changes the members now and then, until <paramref name="end"/>.</summary>
    public void Begin(TimeSpan end)
    {
        var inner = group.Sent;
        group.Sent = m =>
        {
            inner?.Invoke(m);
            if (m is Hello { View: { } view })
                OnView(view);
        };
        var delivered = group.Checker.Delivered;
        group.Checker.Delivered = (node, text) =>
        {
            delivered?.Invoke(node, text);
            if (!group.Settings.Members.Contains(node) && !_views.Values.Any(view => view.Has(node)))
                simulation.World.Fail("Who Was Never A Member Delivers Nothing", $"{node} delivered '{text.TrimEnd()}'");
        };
        Change(end, simulation.Now + _random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(5)));
        Look(end);
    }

    /// <summary>Runs until no change is under way, all members that are up know the last view, and it is whole if they are all its lives.</summary>
    public void Converge(TimeSpan until)
    {
        while (simulation.Now < until)
        {
            var views = simulation.Nodes.Where(node => node.IsUp).ToDictionary(node => node.Id, node => group.MembersAt(node.Id));
            var last = views.Values.MaxBy(view => view.Number)!;
            var members = last.Members.Where(member => views.ContainsKey(member.Node)).ToList();
            group.Checker.Members = [.. members.Select(member => member.Node)];
            var isChanging = _pending.Any(change => simulation.Node(change.At) is { IsUp: true, CurrentLife: { } life } && life.Number == change.Life);
            if (!isChanging && members.TrueForAll(member => views[member.Node].Number == last.Number && (views[member.Node].IsWhole || last.Members.Any(other => !IsCounted(other)))))
                return;
            simulation.RunFor(LookInterval);
        }

        simulation.Fail("Members Know The Last View", $"of view {_views.Keys.LastOrDefault()} some do not know, or it is not whole, long after everything healed");
    }

    // The first life of a node is that of every view: what crashes comes back at the end only.
    private bool IsCounted(ParticipantId life) => simulation.Node(life.Node) is { IsUp: true, CurrentLife.Number: 1 };

    private void OnView(GroupView view)
    {
        if (_views.TryGetValue(view.Number, out var known))
        {
            if (!known.Members.SequenceEqual(view.Members))
                simulation.World.Fail("Views Are Agreed On", $"view {view.Number} has {string.Join(", ", known.Members)} and {string.Join(", ", view.Members)}");
            return;
        }

        var before = _views.Values.LastOrDefault(other => other.Number < view.Number);
        _views.Add(view.Number, view);
        foreach (var node in group.Nodes.Where(node => !view.Has(node) && (before?.Has(node) is true || group.Settings.Members.Contains(node))))
        {
            simulation.Reached("a member was removed");
            group.Checker.OnRemoved(node);
        }

        if (view.Number == _views.Keys.Last())
            group.Checker.Members = [.. view.Members.Select(member => member.Node)];
        foreach (var member in view.Members.Where(member => before?.Has(member.Node) is false))
        {
            group.Checker.OnRemoved(member.Node);
            simulation.Reached(_views.Values.Any(other => other.Number < before!.Number && other.Has(member.Node)) ? "a member that was removed came back" : "a node joined");
        }
    }

    private void Change(TimeSpan end, TimeSpan at)
    {
        if (at > end)
            return;
        simulation.After(at - simulation.Now, () =>
        {
            if (_views.Values.LastOrDefault() is { } view)
            {
                for (var changes = _random.Chance(0.2) ? 2 : 1; changes > 0; changes--)
                    Change(view);
            }

            Change(end, simulation.Now + _random.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5)));
        });
    }

    private void Change(GroupView view)
    {
        var node = group.Nodes[_random.Next(group.Nodes.Count)];
        var joins = !view.Has(node) || _random.Chance(0.1);
        if (!joins && !mayRemove(node))
            return;
        var at = view.Members[_random.Next(view.Members.Count)].Node;
        if (simulation.Node(at) is not { IsUp: true, CurrentLife: { } life })
            return;
        var change = (at, life.Number, ++_changes);
        _pending.Add(change);
        group.ChangeMembers(at, node, joins, refusal =>
        {
            _pending.Remove(change);
            if (refusal.Length > 0)
                simulation.Reached("a change of the members was refused");
        });
    }

    /// <summary>Sees when all members know their view to be whole.</summary>
    private void Look(TimeSpan end)
    {
        if (_views.Values.LastOrDefault() is { IsFounding: false } view
            && view.Members.All(member => _known.TryGetValue(member.Node, out var known) && known.Number == view.Number && known.IsWhole))
        {
            simulation.Reached("a view became whole");
            foreach (var member in view.Members)
                group.Checker.WholeSince.TryAdd(member.Node, simulation.Now);
        }

        _known.Clear();
        foreach (var node in simulation.Nodes.Where(node => node.IsUp))
            node.Actor(BroadcastNode.Name).Tell(new ForParticipant(group.Settings.Id, new AskMembers(known => _known[node.Id] = known)), Akka.Actor.ActorRefs.NoSender);
        if (simulation.Now < end)
            simulation.After(LookInterval, () => Look(end));
    }
}
