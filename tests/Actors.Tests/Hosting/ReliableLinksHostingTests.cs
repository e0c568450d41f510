using System.Threading.Channels;
using Actors.Delivery;
using Actors.Hosting;
using Akka.Actor;
using Akka.Configuration;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Actors.Tests.HostingTests;

/// <summary>Reliable links in an application, with settings from HOCON.</summary>
public sealed class ReliableLinksHostingTests
{
    [Fact]
    public async Task Links_of_the_code_start_with_the_system_and_take_their_settings_from_HOCON()
    {
        var heard = Channel.CreateUnbounded<object>();
        using var host = Build(
            """
            actors.links.desk-1 { to = "akka://shop/user/orders", guarantee = effectively-once, level = processed }
            actors.links.orders.consumer-timeout = 5 s
            """,
            links =>
            {
                links.AddReceiver("orders", PayloadCodec.Text, (system, _) => system.ActorOf(Props.Create(() => new Clerk())), new DeliverySettings { Guarantee = Guarantee.EffectivelyOnce, Level = AckLevel.Processed });
                links.AddSender<Desk>("desk-1", PayloadCodec.Text);
            });
        await host.StartAsync();
        var system = host.Services.GetRequiredService<ActorSystem>();
        var desk = host.Services.GetRequiredService<IRequiredActor<Desk>>().ActorRef;

        desk.Tell(new Send("three apples", 17), system.ActorOf(Props.Create(() => new Customer(heard.Writer))));

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var outcome = Assert.IsType<DeliveryOutcome>(await heard.Reader.ReadAsync(patience.Token));
        Assert.Equal((17, DeliveryStatus.Processed, "ordered: three apples"), (outcome.Tag, outcome.Status, outcome.Reply));
        await host.StopAsync();
    }

    [Theory]
    [InlineData("desk-1 { }", "actors.links.desk-1.to is missing: the path of the receiver")]
    [InlineData("desk-1 { to = nowhere }", "actors.links.desk-1.to = nowhere is not the path of an actor")]
    [InlineData("desk-1 { to = \"akka://shop/user/x\", guarantee = exactly-once }", "actors.links.desk-1.guarantee = exactly-once is not known")]
    [InlineData("desk-1 { to = \"akka://shop/user/x\", guarantee = effectively-once }", "actors.links.desk-1: effectively-once needs level processed, is delivered")]
    [InlineData("desk-1 { to = \"akka://shop/user/x\", window-messages = 100 }", "actors.links.desk-1: window-messages must be a power of two from 64 to 65536, is 100")]
    [InlineData("desk-1 { to = \"akka://shop/user/x\", windw-bytes = 100 }", "actors.links.desk-1.windw-bytes is not a setting; did you mean window-bytes?")]
    [InlineData("desk1 { to = \"akka://shop/user/x\" }", "actors.links.desk1 is no link of this application; did you mean desk-1?")]
    public void What_is_wrong_is_one_line_that_names_the_setting(string links, string line)
    {
        using var host = Build($"actors.links {{ {links} }}", options => options.AddSender<Desk>("desk-1", PayloadCodec.Text));

        var error = Assert.ThrowsAny<Exception>(() => host.Services.GetRequiredService<ActorSystem>());

        Assert.StartsWith(line, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static IHost Build(string hocon, Action<ReliableLinksOptions> links)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka("shop", akka => akka.AddHocon(ConfigurationFactory.ParseString(hocon), HoconAddMode.Append).WithReliableLinks(links));
        return builder.Build();
    }

    private sealed class Desk;

    private sealed class Clerk : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell($"ordered: {message}");
    }

    private sealed class Customer(ChannelWriter<object> heard) : UntypedActor
    {
        protected override void OnReceive(object message) => heard.TryWrite(message);
    }
}
