using System.Globalization;
using Actors.Delivery;

namespace Actors.TestKit;

/// <summary>What a seed chooses for a run of the delivery swarm.</summary>
internal sealed record LinkPlan
{
    public required DeliverySettings Settings { get; init; }

    /// <summary>The senders keep their messages on disk.</summary>
    public required bool DurableOutbox { get; init; }

    /// <summary>The receiver and its consumer keep what they did on disk (effectively once).</summary>
    public required bool DurableInbox { get; init; }

    /// <summary>The share of messages that the consumer never confirms.</summary>
    public required double Silent { get; init; }

    /// <summary>Some messages have the same content as the one before.</summary>
    public required bool HasTwins { get; init; }

    /// <summary>Messages of each life of a sender.</summary>
    public required int Messages { get; init; }

    /// <summary>The longest content.</summary>
    public required int MaxBytes { get; init; }

    public static LinkPlan Draw(SeededRandom random)
    {
        var guarantee = (Guarantee)(1 + random.Next(3));
        var level = guarantee is Guarantee.EffectivelyOnce ? AckLevel.Processed : (AckLevel)(1 + random.Next(3));
        var isConfirmed = guarantee is not Guarantee.AtMostOnce && level is AckLevel.Processed;
        var durableInbox = guarantee is Guarantee.EffectivelyOnce && random.Chance(0.5);
        var silent = isConfirmed && !durableInbox && random.Chance(0.3) ? 0.05 : 0;
        return new LinkPlan
        {
            Settings = new DeliverySettings
            {
                Guarantee = guarantee,
                Level = level,
                WindowMessages = random.Chance(0.5) ? 64 : 128,
                WindowBytes = random.Chance(0.5) ? 4096 : 64 << 10,
                MaxMessageBytes = 1024,
                ChunkBytes = random.Chance(0.5) ? 16 + random.Next(100) : 1024,
                MinRetransmit = TimeSpan.FromMilliseconds(1 + random.Next(50)),
                InitialRetransmit = TimeSpan.FromMilliseconds(50 + random.Next(300)),
                ConsumerWindow = random.Chance(0.5) ? 1 + random.Next(10) : 64,
                ConsumerTimeout = TimeSpan.FromMilliseconds(silent > 0 ? 500 + random.Next(2000) : 60_000),
                MaxDeliveries = 1 + random.Next(3),
            },
            DurableOutbox = guarantee is not Guarantee.AtMostOnce && random.Chance(0.4),
            DurableInbox = durableInbox,
            Silent = silent,
            HasTwins = guarantee is not Guarantee.AtMostOnce && silent == 0 && random.Chance(0.7),
            Messages = 20 + random.Next(120),
            MaxBytes = random.Chance(0.5) ? 20 : 300,
        };
    }

    /// <summary>The content of the <paramref name="number"/>th message of a life: with twins every third one is the same as the one before.</summary>
    public string ContentOf(string life, long number)
    {
        var label = HasTwins && number % 3 == 0 ? number - 1 : number;
        var length = (int)(Fnv.Scramble((ulong)label ^ Fnv.Hash(life)) % (ulong)MaxBytes);
        return string.Create(CultureInfo.InvariantCulture, $"{life}|{label}|{new string('.', length)}");
    }

    /// <summary>The life and label of a content; null for one that nobody sent.</summary>
    public static (string Life, long Label)? Parse(string content) =>
        content.Split('|') is [var life, var text, _] && long.TryParse(text, CultureInfo.InvariantCulture, out var label) ? (life, label) : null;
}
