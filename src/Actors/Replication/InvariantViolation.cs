using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Actors.Membership;

namespace Actors.Replication;

/// <summary>A replica found itself in a state that the protocol excludes. It leaves service; its data is kept as it is.</summary>
public class InvariantViolation : Exception
{
    /// <summary>Creates it with one line that names the invariant and the values that break it.</summary>
    public InvariantViolation(string message) : base(message)
    {
    }

    internal static void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
            throw new InvariantViolation(message);
    }

    internal static void Require([DoesNotReturnIf(false)] bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref TextIfBroken message)
    {
        if (!condition)
            throw new InvariantViolation(message.ToStringAndClear());
    }
}

/// <summary>Another entry stands at the primary where one is committed here. In a group that loses nothing that cannot be.</summary>
internal sealed class ContradictionException(string message, long index) : InvariantViolation(message)
{
    /// <summary>The index of the two entries.</summary>
    public long Index { get; } = index;

    public static void Require(bool condition, LogPosition theirs, LogPosition own)
    {
        if (!condition)
            throw new ContradictionException($"the primary has {theirs} where {own} is committed", theirs.Index);
    }
}

/// <summary>A replica of a lossy group has applied what the group went on without: it forgets everything and comes back as a new member.</summary>
internal sealed class SupersededException(string message) : Exception(message);

/// <summary>The text of a rule that does not hold: while it holds nothing is formatted, so that checks on hot paths cost no more than their condition.</summary>
[InterpolatedStringHandler]
internal ref struct TextIfBroken
{
    private DefaultInterpolatedStringHandler _text;

    public TextIfBroken(int literalLength, int formattedCount, bool condition, out bool isBroken)
    {
        isBroken = !condition;
        if (isBroken)
            _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string format) => _text.AppendFormatted(value, format);

    public string ToStringAndClear() => _text.ToStringAndClear();
}
