using System.Buffers.Binary;
using System.Text;
using Actors.Membership;

namespace Actors.Replication;

/// <summary>Where a group keeps what in the node's store: every key begins with the length and the name of the group.</summary>
internal sealed class GroupKeys
{
    private readonly byte[] _prefix;

    public GroupKeys(GroupId group)
    {
        var name = Encoding.ASCII.GetBytes(group.Value);
        _prefix = [(byte)name.Length, .. name];
        Promise = Key("promise"u8);
        Membership = Key("membership"u8);
    }

    /// <summary>Meta: epoch and vote.</summary>
    public byte[] Promise { get; }

    /// <summary>Meta: the member id, and the commit index as far as it was known.</summary>
    public byte[] Membership { get; }

    /// <summary>Log: the entry at <paramref name="index"/>; big-endian, so that the order of keys is the order of entries.</summary>
    public byte[] Entry(long index)
    {
        var key = new byte[_prefix.Length + 8];
        _prefix.CopyTo(key, 0);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(_prefix.Length), index);
        return key;
    }

    /// <summary>State: a key of the group's state space.</summary>
    public byte[] State(ReadOnlySpan<byte> key) => Key(key);

    /// <summary>State: the end of the group's state space (exclusive).</summary>
    public byte[] StateEnd()
    {
        var end = _prefix.ToArray();
        end[^1]++;      // names end in an ASCII letter, digit or mark, so this never overflows
        return end;
    }

    /// <summary>The length of what stands before a state key.</summary>
    public int PrefixLength => _prefix.Length;

    private byte[] Key(ReadOnlySpan<byte> rest) => [.. _prefix, .. rest];
}
