using Actors.Delivery;

namespace Actors.TestKit;

/// <summary>One life of a sender, as its producer, its consumer and the network saw it: checked at every event, by the textbook's names.</summary>
/// <remarks>Cachin, Guerraoui and Rodrigues: perfect links PL1 to PL3; across crashes with a store, logged perfect links LPL1 to LPL3.</remarks>
internal sealed class LinkRecord(Simulation simulation, LinkPlan plan, string life)
{
    private readonly Dictionary<long, int> _times = [];         // how often each number was delivered, in this life of the receiver
    private readonly HashSet<long> _settled = [];
    private readonly HashSet<string> _confirmed = [];
    private List<long> _positions = [1];                        // which number may come next: several while twins cannot be told apart
    private long _next = 1;                                     // the same when messages may be delivered again

    /// <summary>Messages that the producer has sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Of these, those that the outbox has.</summary>
    public long Stored { get; private set; }

    /// <summary>The highest number that was ever delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>How many have an outcome.</summary>
    public int Settled => _settled.Count;

    /// <summary>The highest number that was said to be processed.</summary>
    public long HighestProcessed { get; private set; }

    /// <summary>A message was said to be a dead letter.</summary>
    public bool HasDeadLetter { get; private set; }

    public string NextContent() => plan.ContentOf(life, ++Sent);

    /// <summary>The consumer was given <paramref name="content"/>.</summary>
    public void OnDelivered(string content, long label)
    {
        if (label < 1 || label > Sent || content != plan.ContentOf(life, label))
            simulation.World.Fail("PL3 No Creation", $"{Short(content)} was delivered and never sent; {life} has sent {Sent}");
        else if (plan.Settings.Guarantee is Guarantee.AtMostOnce)
            OnDeliveredOnce(label);
        else if (plan.Silent > 0)
            OnDeliveredAgain(label);
        else
            OnDeliveredInOrder(content);
    }

    /// <summary>The receiver begins a new life.</summary>
    /// <param name="processed">How many of these messages its store says are processed; null when it has none.</param>
    public void OnReceiverStarted(long? processed)
    {
        _times.Clear();
        var lowest = 1L;
        while (!plan.DurableOutbox && _settled.Contains(lowest))
            lowest++;       // what an outbox has forgotten may come back with a crash
        _positions = [];
        for (var position = processed is { } done ? done + 1 : lowest; position <= (processed is { } known ? known : Delivered) + 1; position++)
            _positions.Add(position);
        _next = 0;
    }

    public void OnConfirmed(string content) => _confirmed.Add(content);

    public void OnOutcome(DeliveryOutcome outcome)
    {
        var number = (long)outcome.Tag!;
        switch (outcome.Status)
        {
            case DeliveryStatus.Stored:
                Stored = Math.Max(Stored, number);
                return;
            case DeliveryStatus.Delivered when number > Delivered:
                simulation.World.Fail("Ack Means Delivered", $"{life} was told that message {number} is delivered; the consumer has had {Delivered}");
                break;
            case DeliveryStatus.Processed when !_confirmed.Contains(plan.ContentOf(life, number)):
                simulation.World.Fail("Ack Means Processed", $"{life} was told that message {number} is processed; the consumer has not confirmed it");
                break;
            case DeliveryStatus.Processed when outcome.Reply is string reply && reply != LinkConsumer.ReplyTo(plan.ContentOf(life, number)):
                simulation.World.Fail("Replies Belong To Their Messages", $"{life} got for message {number} the reply {Short(reply)}");
                break;
        }

        HasDeadLetter |= outcome.Status is DeliveryStatus.DeadLettered;
        if (outcome.Status is DeliveryStatus.Processed)
            HighestProcessed = Math.Max(HighestProcessed, number);
        if (!_settled.Add(number))
            simulation.World.Fail("One Outcome", $"{life} was told twice what became of message {number}, the second time {outcome.Status}");
    }

    /// <summary>What must have happened when all faults are over and all is quiet; null when it has.</summary>
    /// <param name="isAlive">The life goes on.</param>
    public string? Missing(bool isAlive)
    {
        if (isAlive && Settled < Sent)
            return $"{life} has sent {Sent} and knows of {Settled} what became of them";
        if (plan.Settings.Guarantee is Guarantee.AtMostOnce)
            return null;
        var owed = isAlive ? Sent : Stored;
        return Delivered < owed ? $"{life} has {(isAlive ? "sent" : "stored")} {owed}, delivered are {Delivered}" : null;
    }

    private void OnDeliveredOnce(long number)
    {
        if (number <= Delivered)
            simulation.World.Fail("PL2 No Duplication", $"message {number} of {life} was delivered after {Delivered}");
        Delivered = number;
    }

    private void OnDeliveredAgain(long number)
    {
        var times = _times[number] = _times.GetValueOrDefault(number) + 1;
        var most = plan.Settings.Guarantee is Guarantee.AtLeastOnce ? plan.Settings.MaxDeliveries : 1;
        if (times > most)
            simulation.World.Fail("PL2 No Duplication", $"message {number} of {life} was delivered {times} times");
        if (times > 1)
            return;
        while (_next != 0 && _next < number && MayBeSettled(_next))
            _next++;        // one that starts anew is not sent what is settled
        if (_next == 0 ? number > Delivered + 1 : number != _next)
            simulation.World.Fail("FIFO", $"message {number} of {life} was delivered where {(_next == 0 ? $"{Delivered + 1} or an earlier one" : _next)} is next");
        _next = number + 1;
        Delivered = Math.Max(Delivered, number);
    }

    private void OnDeliveredInOrder(string content)
    {
        // One that starts anew is not sent what is settled.
        for (var i = 0; i < _positions.Count; i++)
        {
            if (MayBeSettled(_positions[i]) && !_positions.Contains(_positions[i] + 1))
                _positions.Add(_positions[i] + 1);
        }

        var matching = _positions.FindAll(position => plan.ContentOf(life, position) == content);
        if (matching.Count == 0)
        {
            var isOld = LinkPlan.Parse(content)!.Value.Label < _positions[0];
            simulation.World.Fail(isOld ? "PL2 No Duplication" : "FIFO", $"{Short(content)} was delivered where number {string.Join(" or ", _positions)} of {life} is next");
            return;
        }

        _positions = [.. matching.Select(position => position + 1)];
        Delivered = Math.Max(Delivered, matching[^1]);
    }

    private bool MayBeSettled(long number) => _settled.Contains(number) || _confirmed.Contains(plan.ContentOf(life, number));

    private static string Short(string content) => content.Length > 40 ? $"'{content[..40]}...'" : $"'{content}'";
}
