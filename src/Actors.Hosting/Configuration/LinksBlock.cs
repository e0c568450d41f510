using System.Text.RegularExpressions;
using Actors.Delivery;
using Akka.Configuration;

namespace Actors.Hosting.Configuration;

/// <summary>The HOCON block of one reliable link, <c>actors.links.NAME</c>.</summary>
internal static partial class LinksBlock
{
    private static readonly string[] Keys =
    [
        "to", "guarantee", "level", "overflow", "window-messages", "window-bytes", "max-buffered", "max-buffered-bytes", "max-message-bytes", "chunk-bytes", "min-retransmit",
        "max-retransmit", "initial-retransmit", "consumer-window", "consumer-timeout", "max-deliveries", "max-senders", "forget-after", "max-receiver-bytes",
    ];

    private static readonly Dictionary<string, Guarantee> Guarantees = new()
    {
        ["at-least-once"] = Guarantee.AtLeastOnce,
        ["at-most-once"] = Guarantee.AtMostOnce,
        ["effectively-once"] = Guarantee.EffectivelyOnce,
    };

    private static readonly Dictionary<string, AckLevel> Levels = new()
    {
        ["delivered"] = AckLevel.Delivered,
        ["received"] = AckLevel.Received,
        ["processed"] = AckLevel.Processed,
    };

    private static readonly Dictionary<string, Overflow> Overflows = new()
    {
        ["backpressure"] = Overflow.Backpressure,
        ["drop-newest"] = Overflow.DropNewest,
        ["fail"] = Overflow.Fail,
    };

    /// <summary>What stands under the link's name, over what the code says; and where it leads, null when only the code says that.</summary>
    /// <exception cref="ConfigurationException">One line that begins with the path of the setting.</exception>
    public static (DeliverySettings Settings, string? To) Read(Config config, string name, DeliverySettings code)
    {
        if (config.IsEmpty || config.GetValue("actors.links") is not { } links)
            return (Validated(code, name), null);
        var block = SettingsBlock.Of(links, "actors.links", []).Block(name, Keys);
        var settings = code with
        {
            Guarantee = Word(block, "guarantee", Guarantees, code.Guarantee),
            Level = Word(block, "level", Levels, code.Level),
            Overflow = Word(block, "overflow", Overflows, code.Overflow),
            WindowMessages = block.Count("window-messages", code.WindowMessages),
            WindowBytes = block.Bytes("window-bytes", code.WindowBytes),
            MaxBuffered = block.Count("max-buffered", code.MaxBuffered),
            MaxBufferedBytes = block.Bytes("max-buffered-bytes", code.MaxBufferedBytes),
            MaxMessageBytes = block.SmallBytes("max-message-bytes", code.MaxMessageBytes),
            ChunkBytes = block.SmallBytes("chunk-bytes", code.ChunkBytes),
            MinRetransmit = block.Duration("min-retransmit", code.MinRetransmit),
            MaxRetransmit = block.Duration("max-retransmit", code.MaxRetransmit),
            InitialRetransmit = block.Duration("initial-retransmit", code.InitialRetransmit),
            ConsumerWindow = block.Count("consumer-window", code.ConsumerWindow),
            ConsumerTimeout = block.Duration("consumer-timeout", code.ConsumerTimeout),
            MaxDeliveries = block.Count("max-deliveries", code.MaxDeliveries),
            MaxSenders = block.Count("max-senders", code.MaxSenders),
            ForgetAfter = block.Duration("forget-after", code.ForgetAfter),
            MaxReceiverBytes = block.Bytes("max-receiver-bytes", code.MaxReceiverBytes),
        };
        return (Validated(settings, name), block.Has("to") ? block.Text("to", "") : null);
    }

    /// <summary>Blocks that belong to no link of the code are mistakes: a name that is not spelled the same would leave a link with its defaults.</summary>
    public static void RequireNames(Config config, IReadOnlyCollection<string> names)
    {
        if (config.IsEmpty || config.GetValue("actors.links") is not { } links)
            return;
        foreach (var name in SettingsBlock.Of(links, "actors.links", []).Names)
        {
            if (!names.Contains(name))
                throw new ConfigurationException($"actors.links.{name} is no link of this application; {(Nearest.To(name, names) is { } nearest ? $"did you mean {nearest}?" : $"it has {string.Join(", ", names)}")}");
        }
    }

    private static T Word<T>(SettingsBlock block, string key, Dictionary<string, T> words, T otherwise) =>
        block.Has(key) ? words[ActorsBlock.Word(block, key, [.. words.Keys])] : otherwise;

    private static DeliverySettings Validated(DeliverySettings settings, string name)
    {
        try
        {
            return settings.Validated();
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException($"actors.links.{name}: {InHocon(e.Message.Replace("delivery: ", "", StringComparison.Ordinal))}", e);
        }
    }

    /// <summary>Settings and words are named as they stand in HOCON: WindowMessages is window-messages there.</summary>
    private static string InHocon(string text) => Names().Replace(text, name => Capitals().Replace(name.Value, letter => (letter.Index > 0 ? "-" : "") + letter.Value.ToLowerInvariant()));

    [GeneratedRegex(@"\b(?:[A-Z][a-z]+)+\b")]
    private static partial Regex Names();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capitals();
}
