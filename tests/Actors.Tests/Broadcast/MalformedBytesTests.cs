using System.Diagnostics.Metrics;
using Actors.Broadcast;
using Actors.Delivery;
using Actors.Membership;
using Actors.Wire;
using Akka.Actor;
using Akka.Serialization;

namespace Actors.Tests.BroadcastTests;

public sealed class MalformedBytesTests
{
    [Theory]
    [InlineData("actors.broadcast.refused")]
    [InlineData("actors.delivery.refused")]
    public void Bytes_that_are_no_message_are_refused_and_counted(string instrument)
    {
        using var system = ActorSystem.Create("malformed", ActorsConfig.Default);
        var life = new ParticipantId(new NodeId("n1"), 1);
        object message = instrument.Contains("broadcast", StringComparison.Ordinal) ? new Received(new GroupId("g"), life, []) : new Close(life.Node, new Incarnation(1), 1);
        var serializer = (SerializerWithStringManifest)system.Serialization.FindSerializerFor(message);
        var bytes = serializer.ToBinary(message);
        var counted = 0L;
        using var meters = new MeterListener { InstrumentPublished = (published, listener) => Watch(published, listener, instrument) };
        meters.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            foreach (var (key, value) in tags)
                counted += key == "reason" && (string?)value == "malformed" ? count : 0;
        });
        meters.Start();

        Assert.Throws<MalformedException>(() => serializer.FromBinary(bytes[..^1], serializer.Manifest(message)));

        Assert.Equal(1, counted);
    }

    private static void Watch(Instrument published, MeterListener listener, string instrument)
    {
        if (published.Name == instrument)
            listener.EnableMeasurementEvents(published);
    }
}
