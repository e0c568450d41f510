using System.Globalization;
using System.Text;
using Actors.Broadcast;
using Actors.Membership;

namespace Actors.TestKit;

/// <summary>A broadcast group's state that shows whether everything came into it once and in order: the list of all messages.</summary>
internal sealed class ListState(Simulation simulation) : IBroadcastState
{
    private readonly Dictionary<ParticipantId, long> _last = [];
    private List<MessageId> _messages = [];

    public IReadOnlyList<MessageId> Messages => _messages;

    /// <summary>A message that came although one before it of the same life, or it itself, is missing or was there already; null for none.</summary>
    public MessageId? OutOfTurn { get; private set; }

    public void Apply(Delivered message)
    {
        if (message.Id.Sequence != _last.GetValueOrDefault(message.Id.Origin) + 1)
            OutOfTurn ??= message.Id;
        _last[message.Id.Origin] = message.Id.Sequence;
        _messages.Add(message.Id);
    }

    public ReadOnlyMemory<byte> Save() => Encoding.UTF8.GetBytes(string.Join('\n', _messages.Select(id => string.Create(CultureInfo.InvariantCulture, $"{id.Origin.Node} {id.Origin.Incarnation} {id.Sequence}"))));

    public void Load(ReadOnlyMemory<byte> state)
    {
        simulation.Reached("a member took the state of another one");
        _messages = [.. Encoding.UTF8.GetString(state.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Select(words =>
            new MessageId(new ParticipantId(new NodeId(words[0]), long.Parse(words[1], CultureInfo.InvariantCulture)), long.Parse(words[2], CultureInfo.InvariantCulture)))];
        _last.Clear();
        foreach (var id in _messages)
            _last[id.Origin] = id.Sequence;
    }
}
