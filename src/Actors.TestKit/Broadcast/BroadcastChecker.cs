using System.Text;
using Actors.Broadcast;
using Actors.Membership;

namespace Actors.TestKit;

/// <summary>The properties of a broadcast group by their textbook names, judged by what was broadcast and what each life of a member delivered.</summary>
/// <remarks>
/// Safety is checked with every delivery; agreement and validity at the end, of those lives that are there then. What a member says it has missed, because it came
/// late or was away for too long, is taken out for it; whoever was there all the time may miss only what nobody who is there has delivered (<see cref="MayMiss"/>).
/// </remarks>
internal sealed class BroadcastChecker
{
    private readonly Simulation _simulation;
    private readonly BroadcastSpec _spec;
    private readonly IReadOnlyList<NodeId> _founders;
    private readonly Dictionary<NodeId, TimeSpan> _left = [];
    private readonly Dictionary<string, Message> _messages = new(StringComparer.Ordinal);
    private readonly List<Member> _members = [];
    private readonly List<string> _order = [];      // uniform total order: as the first who delivered each place had it
    private readonly Dictionary<string, string> _names = [];

    public BroadcastChecker(Simulation simulation, BroadcastSpec spec, IReadOnlyList<NodeId> members)
    {
        (_simulation, _spec, _founders, Members) = (simulation, spec, members, members);
        foreach (var guarantee in spec.Guarantees)
            _names[guarantee.Name[^1] switch
            {
                '5' when guarantee.Name.Contains("TOB", StringComparison.Ordinal) => "order",
                '5' => guarantee.Name,
                var number => number.ToString(),
            }] = guarantee.ToString();
    }

    /// <summary>Whether a life that was there from the beginning may miss messages: when members are cut off sooner than faults end. Default no.</summary>
    public bool MayMiss { get; set; }

    /// <summary>Messages that were broadcast and not refused.</summary>
    public int Broadcasts => _messages.Values.Count(message => !message.WasRefused);

    /// <summary>Deliveries so far, of all lives.</summary>
    public int Deliveries { get; private set; }

    /// <summary>Called with each delivery: who, and the text.</summary>
    public Action<NodeId, string>? Delivered { get; set; }

    /// <summary>The nodes that are members: of the others nothing is asked.</summary>
    public IReadOnlyList<NodeId> Members { get; set; }

    /// <summary>Since when each node that came later has, by what all members have said, all that the others had then; of what was sent after that it may miss nothing.</summary>
    public Dictionary<NodeId, TimeSpan> WholeSince { get; } = [];

    private bool IsFifo => _names.ContainsKey("FRB5");

    private bool IsCausal => _names.ContainsKey("CRB5");

    /// <summary>A node was removed from the group, and counts as one that crashed; or it joins, and is one that comes late.</summary>
    public void OnRemoved(NodeId node)
    {
        _left[node] = _simulation.Now;
        WholeSince.Remove(node);
        foreach (var member in _members.Where(member => member.Node == node))
            member.Leave();
    }

    public Member Begin(NodeId node, int life)
    {
        var member = new Member(this, node, life);
        _members.Add(member);
        WholeSince.Remove(node);
        return member;
    }

    public void OnBroadcast(NodeId node, int life, string text)
    {
        // What it had delivered by then goes before; what it missed does not: it knows nothing of that.
        var past = IsCausal ? new Dictionary<ParticipantId, long>(MemberOf(node, life).DeliveredUpTo) : null;
        _messages.Add(text, new Message(node, life, past, _simulation.Now));
    }

    public void OnResult(string text, BroadcastResult result, MessageId id)
    {
        var message = _messages[text];
        message.WasRefused = result is BroadcastResult.Overloaded or BroadcastResult.TooLong or BroadcastResult.NotAMember;
        if (result is BroadcastResult.Delivered)
            message.Id ??= id;
    }

    public IReadOnlyList<string> DeliveredBy(NodeId node, int life) => MemberOf(node, life).Texts;

    /// <summary>For each message, how long it took from its broadcast to its last delivery so far.</summary>
    public IEnumerable<TimeSpan> SlowestDeliveries => _messages.Values.Where(message => message.Id is not null).Select(message => message.LastDelivery - message.SentAt);

    /// <summary>What still lacks at the end, named by the property; null when nothing does.</summary>
    /// <param name="uniform">Judges by uniform agreement, or not, whatever the specification says.</param>
    public (string Property, string Detail)? Lacking(bool? uniform = null)
    {
        var there = _members.Where(IsThere).ToList();
        if (_spec.Reliability is not Reliability.BestEffort)
        {
            var isUniform = uniform ?? _spec.IsUniform;
            foreach (var by in isUniform ? _members : there)
            {
                foreach (var text in by.Texts.Where(text => isUniform || by.TextsAsMember.Contains(text)))
                {
                    if (there.Find(member => !member.Has(text) && !member.IsExcused(_messages[text])) is { } without)
                        return (uniform is true ? "URB4 uniform agreement" : _names["4"], $"'{text.TrimEnd()}', which {by} delivered, was not delivered by {without}");
                }
            }
        }

        foreach (var (text, message) in _messages)
        {
            if (message.WasRefused || message.SentAt <= _left.GetValueOrDefault(message.Node, TimeSpan.MinValue) || !there.Exists(member => member.Node == message.Node && member.Life == message.Life))
                continue;
            // Best effort binds the sender to all who were there when it sent; from reliable on agreement does the rest.
            if (there.Find(member => !member.Has(text) && !member.IsExcused(message)) is { } without)
                return (_names["1"], $"'{text.TrimEnd()}', which {message.Node} broadcast, was not delivered by {without}");
        }

        return null;
    }

    /// <summary>Ends the run when the members that are there have not delivered in one order: for total order that is not uniform.</summary>
    public void CheckOrderOfThoseThere()
    {
        if (!_spec.IsTotal || _spec.IsUniform)
            return;
        var there = _members.Where(IsThere).ToList();
        foreach (var one in there)
        {
            foreach (var other in there.Where(other => other != one))
            {
                var common = one.Texts.Where(other.Has);
                if (!common.SequenceEqual(other.Texts.Where(one.Has)))
                    _simulation.Fail(_names["order"], $"{one} and {other} delivered the same messages in two orders");
            }
        }
    }

    /// <summary>True for what has been delivered so that all have to.</summary>
    private bool BindsOthers(string text) => _members.Exists(member => _spec.IsUniform ? member.Has(text) : IsThere(member) && member.TextsAsMember.Contains(text));

    private bool IsThere(Member member) => Members.Contains(member.Node) && _simulation.Node(member.Node).CurrentLife?.Number == member.Life;

    /// <summary>True for a life that was there from the beginning, and all the time.</summary>
    private bool IsFirst(NodeId node, int life) => life == 1 && _founders.Contains(node) && !_left.ContainsKey(node);

    private Member MemberOf(NodeId node, int life) => _members.First(member => member.Node == node && member.Life == life);

    private void Fail(string property, string detail) => _simulation.World.Fail(property, detail);

    /// <summary>One life of a member.</summary>
    internal sealed class Member(BroadcastChecker checker, NodeId node, int life)
    {
        private readonly HashSet<string> _delivered = new(StringComparer.Ordinal);
        private readonly Dictionary<ParticipantId, long> _missedUpTo = [];
        private int? _place = 0;        // in the uniform total order; null after something was missed
        private TimeSpan? _missedAt;    // total order: of which senders what is missing is then not known

        public NodeId Node => node;

        public int Life => life;

        public List<string> Texts { get; } = [];

        /// <summary>Those that it has delivered since it was removed or joined last, if it was.</summary>
        public HashSet<string> TextsAsMember { get; } = [];

        /// <summary>Of each life of a sender the last number delivered, or missed.</summary>
        public Dictionary<ParticipantId, long> UpTo { get; } = [];

        /// <summary>Of each life of a sender the last number delivered.</summary>
        public Dictionary<ParticipantId, long> DeliveredUpTo { get; } = [];

        public bool Has(string text) => _delivered.Contains(text);

        /// <summary>True when this life has said that it misses the message; or came after it was sent, and could not know of it.</summary>
        public bool IsExcused(Message message) => message.Id is { } id
            ? checker._spec.IsTotal ? _missedAt >= message.SentAt : id.Sequence <= _missedUpTo.GetValueOrDefault(id.Origin) && !MustHave(message)
            : !checker.IsFirst(node, life);

        public void Leave() => TextsAsMember.Clear();

        public bool OnDelivered(Delivered m)
        {
            if (m.Missed > 0)
                OnMissed(m);
            else
                OnMessage(m.Id, Encoding.UTF8.GetString(m.Payload.Span));
            return true;
        }

        public override string ToString() => life == 1 ? node.Value : $"{node} in its life {life}";

        private void OnMissed(Delivered m)
        {
            checker._simulation.Reached("a member missed what was cut");
            if (checker._spec.IsTotal ? checker.IsFirst(node, life) && !checker.MayMiss : checker._messages.Any(sent => IsMissed(sent.Value, m.Id) && MustHave(sent.Value) && checker.BindsOthers(sent.Key)))
                checker.Fail("who is there and has all misses nothing", $"{this} missed {m.Missed} messages up to {m.Id}");
            (_place, _missedAt) = (null, checker._simulation.Now);
            if (!checker._spec.IsTotal)
                _missedUpTo[m.Id.Origin] = UpTo[m.Id.Origin] = Math.Max(UpTo.GetValueOrDefault(m.Id.Origin), m.Id.Sequence);
        }

        /// <summary>True when this life was there from the beginning, or its view was whole, when the message was sent.</summary>
        private bool MustHave(Message message) => !checker.MayMiss && (checker.IsFirst(node, life) || message.SentAt > checker.WholeSince.GetValueOrDefault(node, TimeSpan.MaxValue));

        private bool IsMissed(Message message, MessageId upTo) =>
            message.Id is { } id && id.Origin == upTo.Origin && id.Sequence <= upTo.Sequence && id.Sequence > UpTo.GetValueOrDefault(id.Origin);

        private void OnMessage(MessageId id, string text)
        {
            checker.Deliveries++;
            if (!checker._messages.TryGetValue(text, out var message) || message.Node != id.Origin.Node || (message.Id is { } known && known != id))
            {
                checker.Fail(checker._names["3"], $"{this} delivered '{text.TrimEnd()}' as {id}, which nobody broadcast");
                return;
            }

            message.Id = id;
            message.LastDelivery = checker._simulation.Now;
            if (!_delivered.Add(text))
                checker.Fail(checker._names["2"], $"{this} delivered '{text.TrimEnd()}' twice");
            Texts.Add(text);
            TextsAsMember.Add(text);
            var before = UpTo.GetValueOrDefault(id.Origin);
            var mayJump = checker._spec.IsTotal && _missedAt is not null;
            if (checker.IsFifo && (mayJump ? id.Sequence <= before : id.Sequence != before + 1))
                checker.Fail(checker._names["FRB5"], $"{this} delivered {id} after number {before}");
            if (!mayJump)
                CheckPast(id, message);
            UpTo[id.Origin] = DeliveredUpTo[id.Origin] = Math.Max(before, id.Sequence);
            if (checker._spec.IsTotal && checker._spec.IsUniform)
                CheckPlace(text);
            checker.Delivered?.Invoke(node, text);
        }

        private void CheckPast(MessageId id, Message message)
        {
            foreach (var (origin, last) in message.Past ?? [])
            {
                if (UpTo.GetValueOrDefault(origin) < last)
                    checker.Fail(checker._names["CRB5"], $"{this} delivered {id}, whose sender had delivered number {last} of {origin}, after number {UpTo.GetValueOrDefault(origin)} of it");
            }
        }

        private void CheckPlace(string text)
        {
            var order = checker._order;
            _place ??= order.IndexOf(text) is >= 0 and var found ? found : order.Count;
            if (_place == order.Count)
                order.Add(text);
            if (order[_place.Value] != text)
                checker.Fail(checker._names["order"], $"place {_place + 1} has '{text.TrimEnd()}' at {this}, elsewhere '{order[_place.Value].TrimEnd()}'");
            _place++;
        }
    }

    /// <summary>A message that was broadcast.</summary>
    internal sealed class Message(NodeId node, int life, Dictionary<ParticipantId, long>? past, TimeSpan sentAt)
    {
        public NodeId Node => node;

        public int Life => life;

        public Dictionary<ParticipantId, long>? Past => past;

        public TimeSpan SentAt => sentAt;

        public MessageId? Id { get; set; }

        public bool WasRefused { get; set; }

        public TimeSpan LastDelivery { get; set; }
    }
}
