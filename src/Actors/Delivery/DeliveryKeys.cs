using System.Buffers.Binary;
using System.Text;
using Actors.Membership;

namespace Actors.Delivery;

/// <summary>Where links keep what in the node's store: every key begins with a zero, where a group's has the length of its name.</summary>
internal static class DeliveryKeys
{
    private const byte Links = 0;

    /// <summary>Meta: the life of an outbox.</summary>
    public static byte[] Outbox(NodeId origin) => [Links, (byte)'o', .. Text(origin.Value)];

    /// <summary>Log: what <paramref name="origin"/> has not settled; big-endian, so that the order of keys is that of sequence numbers.</summary>
    public static byte[] Outgoing(NodeId origin, long sequence) => WithNumber([Links, (byte)'o', .. Text(origin.Value)], sequence);

    /// <summary>Meta: whom an inbox knows, and from where on it keeps results.</summary>
    public static byte[] Inbox(string receiver, NodeId origin) => [Links, (byte)'i', .. Text(receiver), .. Text(origin.Value)];

    /// <summary>Log: what became of a message.</summary>
    public static byte[] Result(string receiver, NodeId origin, long sequence) => WithNumber([Links, (byte)'i', .. Text(receiver), .. Text(origin.Value)], sequence);

    /// <summary>State: a key of a consumer's own.</summary>
    public static byte[] State(string receiver, ReadOnlySpan<byte> key) => [Links, .. Text(receiver), .. key];

    public static long SequenceOf(byte[] key) => BinaryPrimitives.ReadInt64BigEndian(key.AsSpan(key.Length - 8));

    private static byte[] WithNumber(byte[] prefix, long sequence)
    {
        var key = new byte[prefix.Length + 8];
        prefix.CopyTo(key, 0);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(prefix.Length), sequence);
        return key;
    }

    private static byte[] Text(string name) => [(byte)name.Length, .. Encoding.ASCII.GetBytes(name)];
}
