namespace Actors.Delivery;

/// <summary>What a link promises. None of them is exactly-once delivery, which does not exist: whoever hears nothing cannot know whether the message or its ack was lost.</summary>
public enum Guarantee : byte
{
    /// <summary>Sent once, never again: at most once, in order, and the sender is told nothing.</summary>
    AtMostOnce = 1,

    /// <summary>Sent until it is acknowledged: never lost while both sides live, and delivered again when the receiver restarts or its consumer does not confirm.</summary>
    AtLeastOnce = 2,

    /// <summary>At least once, with duplicates found at the receiver and answered with the first reply: its effect takes place once while the receiver lives, and with a durable inbox across its restarts.</summary>
    EffectivelyOnce = 3,
}

/// <summary>What an acknowledgement means.</summary>
public enum AckLevel : byte
{
    /// <summary>The receiver has it in memory.</summary>
    Received = 1,

    /// <summary>It is in the consumer's mailbox, in order.</summary>
    Delivered = 2,

    /// <summary>The consumer has replied; with a durable inbox its state and the reply are on disk.</summary>
    Processed = 3,
}

/// <summary>What happens to a message for which a sender has no room.</summary>
public enum Overflow : byte
{
    /// <summary>Producers are told <see cref="SlowDown"/> while the buffer is more than half full, and <see cref="GoOn"/> when it is a quarter full; one that goes on all the same is refused.</summary>
    Backpressure = 1,

    /// <summary>It is dropped and counted.</summary>
    DropNewest = 2,

    /// <summary>It is refused at once.</summary>
    Fail = 3,
}

/// <summary>How a link behaves. The sender's side reads those about sending, the receiver's those about receiving.</summary>
public sealed record DeliverySettings
{
    /// <summary>What is promised. Default at least once.</summary>
    public Guarantee Guarantee { get; init; } = Guarantee.AtLeastOnce;

    /// <summary>What an acknowledgement means. Default delivered; <see cref="Guarantee.EffectivelyOnce"/> needs processed. At most once has none.</summary>
    public AckLevel Level { get; init; } = AckLevel.Delivered;

    /// <summary>Sequence numbers between the first unsettled one and the last sent, on both sides. Default 1,024; 64 to 65,536, a power of two.</summary>
    public int WindowMessages { get; init; } = 1024;

    /// <summary>Bytes that are sent and not settled, which the receiver may have to hold. Default 4 MiB; at least four times <see cref="MaxMessageBytes"/>.</summary>
    public long WindowBytes { get; init; } = 4 << 20;

    /// <summary>Messages that a sender holds, those on their way included. Default 20,000; at least 1.</summary>
    public int MaxBuffered { get; init; } = 20_000;

    /// <summary>Bytes that a sender holds. Default 64 MiB; at least four times <see cref="MaxMessageBytes"/>.</summary>
    public long MaxBufferedBytes { get; init; } = 64 << 20;

    /// <summary>What happens when there is no room. Default back-pressure.</summary>
    public Overflow Overflow { get; init; } = Overflow.Backpressure;

    /// <summary>The largest message. Default 1 MiB; above 0.</summary>
    public int MaxMessageBytes { get; init; } = 1 << 20;

    /// <summary>Messages above this are sent in chunks. Default and maximum 48 KiB, which fits a default Akka.Remote frame; at least 16.</summary>
    public int ChunkBytes { get; init; } = 48 << 10;

    /// <summary>The shortest retransmission time-out, whatever round trips were learned. Default 20 ms; 1 ms to <see cref="MaxRetransmit"/>.</summary>
    public TimeSpan MinRetransmit { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest one, after expiries that doubled it. Default 5 s.</summary>
    public TimeSpan MaxRetransmit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time-out before anything was learned. Default 200 ms; from <see cref="MinRetransmit"/> to <see cref="MaxRetransmit"/>.</summary>
    public TimeSpan InitialRetransmit { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Messages that a consumer has and has not confirmed (level processed). Default 256; at least 1, which means that it gets the next one when it has replied.</summary>
    public int ConsumerWindow { get; init; } = 256;

    /// <summary>How long a consumer may take to confirm (level processed). Default 30 s; above 0.</summary>
    public TimeSpan ConsumerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often an at-least-once message is given to a consumer that does not confirm, before it becomes a dead letter. Default 3; above 0. Effectively once: always 1.</summary>
    public int MaxDeliveries { get; init; } = 3;

    /// <summary>Senders that a receiver remembers. Default 1,024; above 0.</summary>
    public int MaxSenders { get; init; } = 1024;

    /// <summary>Silence after which a sender may be forgotten to make room for another; what it repeats later is not recognised. Default 1 h; above 0.</summary>
    public TimeSpan ForgetAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Bytes that a receiver holds for all its senders, besides one unfinished message of each. Default 64 MiB; at least <see cref="WindowBytes"/>.</summary>
    public long MaxReceiverBytes { get; init; } = 64 << 20;

    /// <summary>Checks every value and combination.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what would be right.</exception>
    public DeliverySettings Validated()
    {
        Require(Guarantee is >= Guarantee.AtMostOnce and <= Guarantee.EffectivelyOnce, $"Guarantee {Guarantee} is unknown: AtMostOnce, AtLeastOnce or EffectivelyOnce");
        Require(Level is >= AckLevel.Received and <= AckLevel.Processed, $"Level {Level} is unknown: Received, Delivered or Processed");
        Require(Guarantee is not Guarantee.EffectivelyOnce || Level is AckLevel.Processed, $"EffectivelyOnce needs Level Processed, is {Level}: what is acknowledged earlier may be lost with the receiver, or processed again");
        Require(Overflow is >= Overflow.Backpressure and <= Overflow.Fail, $"Overflow {Overflow} is unknown: Backpressure, DropNewest or Fail");
        Require(WindowMessages is >= 64 and <= 65_536 && int.IsPow2(WindowMessages), $"WindowMessages must be a power of two from 64 to 65536, is {WindowMessages}");
        Require(MaxMessageBytes > 0, $"MaxMessageBytes must be above 0, is {MaxMessageBytes}");
        Require(ChunkBytes is >= 16 and <= 48 << 10, $"ChunkBytes must be from 16 to {48 << 10}, is {ChunkBytes}");
        Require(Chunks(MaxMessageBytes) <= WindowMessages, $"MaxMessageBytes ({MaxMessageBytes}) in chunks of ChunkBytes ({ChunkBytes}) must fit WindowMessages ({WindowMessages})");
        Require(WindowBytes >= 4L * MaxMessageBytes, $"WindowBytes must be at least four times MaxMessageBytes ({MaxMessageBytes}), is {WindowBytes}");
        Require(MaxBuffered >= Chunks(MaxMessageBytes), $"MaxBuffered must be at least the {Chunks(MaxMessageBytes)} chunks of a message of MaxMessageBytes, is {MaxBuffered}");
        Require(MaxBufferedBytes >= 4L * MaxMessageBytes, $"MaxBufferedBytes must be at least four times MaxMessageBytes ({MaxMessageBytes}), is {MaxBufferedBytes}");
        Require(MinRetransmit >= TimeSpan.FromMilliseconds(1), $"MinRetransmit must be at least 1 ms, is {MinRetransmit.TotalMilliseconds} ms");
        Require(MaxRetransmit >= MinRetransmit, $"MaxRetransmit must be at least MinRetransmit ({MinRetransmit.TotalMilliseconds} ms), is {MaxRetransmit.TotalMilliseconds} ms");
        Require(InitialRetransmit >= MinRetransmit && InitialRetransmit <= MaxRetransmit, $"InitialRetransmit must be from MinRetransmit to MaxRetransmit, is {InitialRetransmit.TotalMilliseconds} ms");
        Require(ConsumerWindow >= 1, $"ConsumerWindow must be at least 1, is {ConsumerWindow}");
        Require(ConsumerTimeout > TimeSpan.Zero, "ConsumerTimeout must be above 0");
        Require(MaxDeliveries > 0, $"MaxDeliveries must be above 0, is {MaxDeliveries}");
        Require(MaxSenders > 0, $"MaxSenders must be above 0, is {MaxSenders}");
        Require(ForgetAfter > TimeSpan.Zero, "ForgetAfter must be above 0");
        Require(MaxReceiverBytes >= WindowBytes, $"MaxReceiverBytes must be at least WindowBytes ({WindowBytes}), is {MaxReceiverBytes}");
        return this;
    }

    /// <summary>The sequence numbers that a message of <paramref name="bytes"/> takes.</summary>
    internal int Chunks(int bytes) => Math.Max(1, (bytes + ChunkBytes - 1) / ChunkBytes);

    private static void Require(bool condition, string rule)
    {
        if (!condition)
            throw new ArgumentException($"delivery: {rule}");
    }
}
