using System.Runtime.Serialization;
using Actors.Hosting;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;

namespace Actors.Tests.HostingTests;

public class JsonRefusedTests : Akka.TestKit.Xunit2.TestKit
{
    // What an attacker's Akka writes on the wire for any type of his choice.
    private const string Payload = """{"$type":"System.IO.FileInfo, System.Private.CoreLib","fileName":"/tmp/x"}""";

    public JsonRefusedTests() : base(Node)
    {
    }

    /// <summary>A node's defaults, but for its log.</summary>
    private static Config Node => ConfigurationFactory.ParseString("""
        akka.loggers = ["Akka.Event.DefaultLogger"]
        akka.loglevel = WARNING
        akka.actor.provider = remote
        akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
        """).WithFallback(ReplicationHosting.NodeDefaults);

    [Fact]
    public void A_crafted_payload_under_the_id_of_JSON_is_refused()
    {
        var e = Assert.Throws<SerializationException>(() => Sys.Serialization.Deserialize(System.Text.Encoding.UTF8.GetBytes(Payload), 1, ""));

        Assert.Equal($"a message of {Payload.Length} bytes in JSON with type names (serializer 1) is refused", e.Message);
    }

    [Fact]
    public void The_same_payload_creates_an_object_where_JSON_is_not_refused()
    {
        using var careless = ActorSystem.Create("careless");

        Assert.IsType<FileInfo>(careless.Serialization.Deserialize(System.Text.Encoding.UTF8.GetBytes(Payload), 1, ""));
    }

    [Fact]
    public void A_type_without_codec_is_not_sent() =>
        Assert.ThrowsAny<SerializationException>(() => Sys.Serialization.FindSerializerFor(new NoCodec("x")).ToBinary(new NoCodec("x")));

    [Fact]
    public async Task A_message_in_JSON_from_another_system_reaches_no_actor()
    {
        using var sender = ActorSystem.Create("sender", """
            akka.actor.provider = remote
            akka.loglevel = OFF
            akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
            """);
        var address = ((ExtendedActorSystem)Sys).Provider.DefaultAddress;
        var here = ((ExtendedActorSystem)sender).Provider.ResolveActorRef(TestActor.Path.ToStringWithAddress(address));
        var log = CreateTestProbe();
        Sys.EventStream.Subscribe(log, typeof(LogEvent));

        here.Tell(new NoCodec("in JSON"));
        here.Tell("a text, which has a codec");

        await log.FishForMessageAsync(e => $"{e}".Contains("with type names (serializer 1) is refused", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
        await ExpectMsgAsync("a text, which has a codec", TimeSpan.FromSeconds(10));
    }

    private sealed record NoCodec(string Text);
}
