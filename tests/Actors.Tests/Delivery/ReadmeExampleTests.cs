using System.Runtime.CompilerServices;
using Actors.Delivery;
using Actors.Tests.HostingTests;
using Akka.Actor;
using Akka.Configuration;

namespace Actors.Tests.DeliveryTests;

/// <summary>The example of the folder's README, between two systems with real remoting.</summary>
public sealed class ReadmeExampleTests
{
    [Fact]
    public async Task The_example_does_what_it_says()
    {
        var ports = FreePorts.Take(2);
        using var shop = Start("shop", ports[0]);
        using var desk = Start("desk", ports[1]);
        var consumer = shop.ActorOf(Props.Create(() => new Clerk()));
        using var replies = new System.Collections.Concurrent.BlockingCollection<object>();
        var producer = desk.ActorOf(Props.Create(() => new Customer(replies)));

        var settings = new DeliverySettings { Guarantee = Guarantee.EffectivelyOnce, Level = AckLevel.Processed };

        // Where the consumer lives: whatever it tells to the Sender of a message is the reply to that message.
        new ReliableDelivery(shop).Receiver("orders", consumer, PayloadCodec.Text, settings);

        // Where the producers live.
        var orders = new ReliableDelivery(desk).Sender("desk-1", $"akka.tcp://shop@127.0.0.1:{ports[0]}/user/orders", PayloadCodec.Text, settings);
        orders.Tell("three apples", producer);                      // the producer gets the consumer's reply, nothing else
        orders.Tell(new Send("two pears", Tag: 17), producer);      // or a DeliveryOutcome, whatever happens

        Assert.Equal("ordered: three apples", await TakeAsync(replies));
        var outcome = Assert.IsType<DeliveryOutcome>(await TakeAsync(replies));
        Assert.Equal((17, DeliveryStatus.Processed, "ordered: two pears"), (outcome.Tag, outcome.Status, outcome.Reply));
        await Task.WhenAll(shop.Terminate(), desk.Terminate());
    }

    [Fact]
    public void The_readme_shows_these_lines()
    {
        var source = File.ReadAllText(Here());
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "src", "Actors", "Delivery", "README.md"));
        var example = readme.Split("```csharp")[1].Split("```")[0];
        foreach (var line in example.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0))
            Assert.Contains(line.Replace("\"akka.tcp://shop@127.0.0.1:4051/user/orders\"", "$\"akka.tcp://shop@127.0.0.1:{ports[0]}/user/orders\"", StringComparison.Ordinal), source, StringComparison.Ordinal);
    }

    [Fact]
    public void Both_sides_may_live_in_one_system_and_what_is_wrong_is_refused_when_they_are_built()
    {
        using var system = ActorSystem.Create("local", ActorsConfig.Default);
        var delivery = new ReliableDelivery(system);
        using var replies = new System.Collections.Concurrent.BlockingCollection<object>();
        delivery.Receiver("orders", system.ActorOf(Props.Create(() => new Clerk())), PayloadCodec.Text);
        var sender = delivery.Sender("desk", "akka://local/user/orders", PayloadCodec.Text);
        sender.Tell(new Send("a melon"), system.ActorOf(Props.Create(() => new Customer(replies))));

        Assert.True(replies.TryTake(out var outcome, TimeSpan.FromSeconds(20)));
        Assert.Equal(DeliveryStatus.Delivered, Assert.IsType<DeliveryOutcome>(outcome).Status);
        Assert.Equal(
            "delivery: 'nowhere' is not the path of an actor, such as akka.tcp://shop@10.0.0.2:4051/user/orders",
            Assert.Throws<ArgumentException>(() => delivery.Sender("desk", "nowhere", PayloadCodec.Text)).Message);
        Assert.Throws<ArgumentException>(() => delivery.Sender("Not A Name", "akka://local/user/orders", PayloadCodec.Text));
        Assert.Throws<ArgumentException>(() => delivery.Sender("desk", "akka://local/user/orders", PayloadCodec.Text, new DeliverySettings { MaxDeliveries = 0 }));
    }

    private static ActorSystem Start(string name, int port) => ActorSystem.Create(name, ConfigurationFactory.ParseString($$"""
        akka.loglevel = WARNING
        akka.stdout-loglevel = OFF
        akka.actor.provider = remote
        akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = {{port}} }
        """).WithFallback(ActorsConfig.Default));

    private static Task<object> TakeAsync(System.Collections.Concurrent.BlockingCollection<object> replies) =>
        Task.Run(() => replies.TryTake(out var reply, TimeSpan.FromSeconds(20)) ? reply : throw new TimeoutException("nothing came back within 20 s"));

    private static string Here([CallerFilePath] string here = "") => here;

    private sealed class Clerk : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell($"ordered: {message}");
    }

    private sealed class Customer(System.Collections.Concurrent.BlockingCollection<object> replies) : UntypedActor
    {
        protected override void OnReceive(object message) => replies.Add(message);
    }
}
