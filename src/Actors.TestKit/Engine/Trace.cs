using System.Globalization;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What happened: a hash over every step, the last lines for a failure's message, and all lines in a file when asked for.</summary>
internal sealed class Trace
{
    private readonly Dictionary<Type, ulong> _types = [];
    private Line[] _ring = new Line[64];
    private long _lines;
    private TextWriter? _file;

    /// <summary>Over virtual time, actor and message type of every step.</summary>
    public ulong Hash { get; private set; } = Fnv.Offset;

    public long Steps { get; private set; }

    /// <summary>Keeps the last <paramref name="lines"/> lines, and writes all of them to <paramref name="file"/> unless it is null.</summary>
    public void Open(int lines, string? file)
    {
        _ring = new Line[lines];
        _file = file is null ? null : new StreamWriter(file);
    }

    /// <summary>Forgets what happened so far: Akka's start-up is no part of a run.</summary>
    public void Reset()
    {
        Hash = Fnv.Offset;
        Steps = 0;
        _lines = 0;
    }

    public void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    public void Received(long now, SimActor actor, object message, IActorRef sender)
    {
        while (message is IWrappedMessage wrapped)
            message = wrapped.Message;
        Count(now, actor.Id, TypeId(message.GetType()));
        Add(new Line(now, "", actor.Name, sender, message));
    }

    /// <summary>A step in which the actor handled only Akka's own messages: started, stopped, supervised.</summary>
    public void SystemStep(long now, SimActor actor) => Count(now, actor.Id, 1);

    /// <summary>A line of its own; <paramref name="mark"/> tells what kind it is.</summary>
    public void Note(long now, string mark, string where, object what) => Add(new Line(now, mark, where, null, what));

    /// <summary>The last lines, oldest first.</summary>
    public IReadOnlyList<string> Last()
    {
        var count = (int)Math.Min(_lines, _ring.Length);
        return [.. Enumerable.Range(0, count).Select(i => _ring[(_lines - count + i) % _ring.Length].ToString())];
    }

    private void Count(long now, ulong actor, ulong type)
    {
        Steps++;
        Hash = Fnv.Mix(Fnv.Mix(Fnv.Mix(Hash, (ulong)now), actor), type);
    }

    private void Add(in Line line)
    {
        _ring[_lines++ % _ring.Length] = line;
        _file?.WriteLine(line.ToString());
    }

    private ulong TypeId(Type type)
    {
        if (!_types.TryGetValue(type, out var id))
            _types.Add(type, id = Fnv.Hash(type.ToString()));
        return id;
    }

    private readonly record struct Line(long At, string Mark, string Where, IActorRef? From, object What)
    {
        public override string ToString()
        {
            var time = (At / (double)TimeSpan.TicksPerSecond).ToString("F6", CultureInfo.InvariantCulture).PadLeft(12);
            var from = From is null || From.Path.Name == "deadLetters" ? "" : $" <- {NameOf(From)}";
            return $"{time} {Mark,-1} {Where}{from}: {MessageText.Of(What)}";
        }

        private static string NameOf(IActorRef sender) => sender is SimLink link ? link.Address : SimNode.AddressOf(sender) ?? sender.Path.ToStringWithoutAddress();
    }
}
