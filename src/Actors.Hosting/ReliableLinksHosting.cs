using Actors.Delivery;
using Actors.Hosting.Configuration;
using Actors.Storage;
using Akka.Actor;
using Akka.Configuration;
using Akka.Hosting;

namespace Actors.Hosting;

/// <summary>The reliable links of one actor system; see <see cref="ReliableLinksHosting"/>.</summary>
public sealed class ReliableLinksOptions
{
    internal List<SenderOptions> Senders { get; } = [];

    internal List<ReceiverOptions> Receivers { get; } = [];

    /// <summary>Makes outbox and inbox durable; nobody else writes to it. Null (default): what is under way is in memory.</summary>
    public IStore? Store { get; set; }

    /// <summary>Adds the sending side of a link; the application gets it as <c>IRequiredActor&lt;TKey&gt;</c>.</summary>
    /// <param name="name">Its name, unique among all senders of that receiver; its settings may stand in the block <c>actors.links.NAME</c>.</param>
    /// <param name="codec">Takes the messages.</param>
    /// <param name="to">The receiver's path, such as <c>akka.tcp://shop@10.0.0.2:4051/user/orders</c>; null where <c>actors.links.NAME.to</c> says it, which goes first.</param>
    /// <param name="settings">The defaults of what HOCON does not say.</param>
    public void AddSender<TKey>(string name, IPayloadCodec codec, string? to = null, DeliverySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(codec);
        Senders.Add(new SenderOptions(name, codec, to, settings ?? new DeliverySettings(), (registry, sender) => registry.Register<TKey>(sender)));
    }

    /// <summary>Adds the receiving side of links at <c>user/</c><paramref name="name"/>.</summary>
    /// <param name="name">Its name; its settings may stand in the block <c>actors.links.NAME</c>.</param>
    /// <param name="codec">As the senders'.</param>
    /// <param name="consumer">Makes or finds the local actor that gets the messages.</param>
    /// <param name="settings">The defaults of what HOCON does not say.</param>
    public void AddReceiver(string name, IPayloadCodec codec, Func<ActorSystem, IActorRegistry, IActorRef> consumer, DeliverySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(codec);
        ArgumentNullException.ThrowIfNull(consumer);
        Receivers.Add(new ReceiverOptions(name, codec, consumer, settings ?? new DeliverySettings()));
    }

    internal sealed record SenderOptions(string Name, IPayloadCodec Codec, string? To, DeliverySettings Settings, Action<IActorRegistry, IActorRef> Register);

    internal sealed record ReceiverOptions(string Name, IPayloadCodec Codec, Func<ActorSystem, IActorRegistry, IActorRef> Consumer, DeliverySettings Settings);
}

/// <summary>Reliable links (<see cref="ReliableDelivery"/>) in an application that is assembled with Akka.Hosting.</summary>
/// <example>
/// <code>
/// services.AddAkka("desk", akka => akka
///     .AddHocon(config, HoconAddMode.Append)          // actors.links.desk-1 { to = "akka.tcp://shop@10.0.0.2:4051/user/orders", guarantee = effectively-once, level = processed }
///     .WithRemoting("10.0.0.1", 4051)
///     .WithReliableLinks(links => links.AddSender&lt;Orders&gt;("desk-1", PayloadCodec.Text)));
/// </code>
/// </example>
public static class ReliableLinksHosting
{
    /// <summary>Starts the links with the actor system. Their settings are those of the code, and over them those of the HOCON added so far.</summary>
    /// <exception cref="ConfigurationException">A setting is not valid, a block names no link, or a sender does not know where to send; the message is one line.</exception>
    public static AkkaConfigurationBuilder WithReliableLinks(this AkkaConfigurationBuilder builder, Action<ReliableLinksOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new ReliableLinksOptions();
        configure(options);
        var config = builder.Configuration.GetOrElse(Config.Empty);
        LinksBlock.RequireNames(config, [.. options.Senders.Select(sender => sender.Name), .. options.Receivers.Select(receiver => receiver.Name)]);
        var receivers = options.Receivers.ConvertAll(receiver => receiver with { Settings = LinksBlock.Read(config, receiver.Name, receiver.Settings).Settings });
        var senders = options.Senders.ConvertAll(sender =>
        {
            var (settings, to) = LinksBlock.Read(config, sender.Name, sender.Settings);
            return sender with { Settings = settings, To = Target(sender, to) };
        });
        return builder
            .AddHocon(ActorsConfig.Default, HoconAddMode.Append)
            .WithActors((system, registry) =>
            {
                var delivery = options.Store is { } store ? new ReliableDelivery(system, store) : new ReliableDelivery(system);
                foreach (var receiver in receivers)
                    delivery.Receiver(receiver.Name, receiver.Consumer(system, registry), receiver.Codec, receiver.Settings);
                foreach (var sender in senders)
                    sender.Register(registry, delivery.Sender(sender.Name, sender.To!, sender.Codec, sender.Settings));
            });
    }

    private static string Target(ReliableLinksOptions.SenderOptions sender, string? to)
    {
        var target = to ?? sender.To ?? throw new ConfigurationException($"actors.links.{sender.Name}.to is missing: the path of the receiver, such as \"akka.tcp://shop@10.0.0.2:4051/user/orders\"");
        return ActorPath.TryParse(target, out _) ? target : throw new ConfigurationException($"actors.links.{sender.Name}.to = {target} is not the path of an actor, such as \"akka.tcp://shop@10.0.0.2:4051/user/orders\"");
    }
}
