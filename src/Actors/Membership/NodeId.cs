namespace Actors.Membership;

/// <summary>The name of a machine (one process, one data folder) as it stands in the configuration, such as <c>n1</c>.</summary>
/// <remarks>1 to 64 characters: lower-case letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, beginning with a letter or digit.</remarks>
public readonly record struct NodeId : IComparable<NodeId>
{
    private readonly string? _value;

    /// <summary>Checks and wraps <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">The name is empty, too long or holds another character.</exception>
    public NodeId(string value) => _value = Name.Checked(value, "node name");

    /// <summary>The name; empty for the default value, which names no node.</summary>
    public string Value => _value ?? "";

    /// <summary>True for the default value, which names no node.</summary>
    public bool IsNone => _value is null;

    /// <inheritdoc/>
    public int CompareTo(NodeId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>The name of a replicated group, such as <c>default</c>; same alphabet as <see cref="NodeId"/>.</summary>
public readonly record struct GroupId : IComparable<GroupId>
{
    private readonly string? _value;

    /// <summary>Checks and wraps <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">The name is empty, too long or holds another character.</exception>
    public GroupId(string value) => _value = Name.Checked(value, "group name");

    /// <summary>The name; empty for the default value, which names no group.</summary>
    public string Value => _value ?? "";

    /// <inheritdoc/>
    public int CompareTo(GroupId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>The alphabet that node and group names share.</summary>
internal static class Name
{
    public const int MaxLength = 64;

    public static string Checked(string value, string what)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!IsValid(value))
            throw new ArgumentException($"{what} '{value}' is not valid: 1 to {MaxLength} of a-z, 0-9, '-', '_', '.', beginning with a letter or digit");
        return value;
    }

    public static bool IsValid(string value)
    {
        if (value.Length is 0 or > MaxLength || !char.IsAsciiLetterOrDigit(value[0]))
            return false;
        foreach (var c in value)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '_' or '.'))
                return false;
        }

        return true;
    }
}
