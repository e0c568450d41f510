using System.Text;

namespace Actors.Delivery;

/// <summary>Turns the messages and replies of one link into bytes and back. What it does not name is never deserialized.</summary>
/// <remarks>Used by one actor at a time. Whatever it throws on bytes refuses that message and no other.</remarks>
public interface IPayloadCodec
{
    /// <summary>The bytes of <paramref name="message"/>, which is left alone from then on.</summary>
    /// <exception cref="ArgumentException">It is of no type that this codec takes; the text says which it takes.</exception>
    ReadOnlyMemory<byte> Encode(object message);

    /// <summary>The message that <see cref="Encode"/> was given.</summary>
    object Decode(ReadOnlyMemory<byte> payload);
}

/// <summary>Ready-made codecs.</summary>
public static class PayloadCodec
{
    /// <summary>Takes <c>byte[]</c> as it is.</summary>
    public static IPayloadCodec Bytes { get; } = Of(static (byte[] message) => message, static payload => payload.ToArray());

    /// <summary>Takes <c>string</c>, as UTF-8.</summary>
    public static IPayloadCodec Text { get; } = Of(static (string message) => Encoding.UTF8.GetBytes(message), static payload => Encoding.UTF8.GetString(payload.Span));

    /// <summary>Takes <typeparamref name="T"/> by two functions of yours.</summary>
    public static IPayloadCodec Of<T>(Func<T, ReadOnlyMemory<byte>> encode, Func<ReadOnlyMemory<byte>, T> decode) where T : notnull
    {
        ArgumentNullException.ThrowIfNull(encode);
        ArgumentNullException.ThrowIfNull(decode);
        return new Typed<T>(encode, decode);
    }

    private sealed class Typed<T>(Func<T, ReadOnlyMemory<byte>> encode, Func<ReadOnlyMemory<byte>, T> decode) : IPayloadCodec where T : notnull
    {
        public ReadOnlyMemory<byte> Encode(object message) =>
            message is T known ? encode(known) : throw new ArgumentException($"the codec of this link takes {typeof(T).Name}, not {message.GetType().Name}");

        public object Decode(ReadOnlyMemory<byte> payload) => decode(payload);
    }
}
