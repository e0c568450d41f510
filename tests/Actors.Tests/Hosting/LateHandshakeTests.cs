using System.Buffers.Binary;
using System.Net.Sockets;
using Actors.Hosting;
using Akka.Actor;
using Akka.Configuration;
using Akka.Remote;
using Google.Protobuf;

namespace Actors.Tests.HostingTests;

/// <summary>A busy node gives up a handshake, and the other one answers it all the same, a moment later.</summary>
public class LateHandshakeTests : Akka.TestKit.Xunit2.TestKit
{
    private readonly ActorSystem _other;

    public LateHandshakeTests() : base(Remoting, "link") => _other = ActorSystem.Create("link", Remoting);

    private static Config Remoting => ConfigurationFactory.ParseString("""
        akka.actor.provider = remote
        akka.loglevel = OFF
        akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
        """).WithFallback(ReplicationHosting.Defaults);

    // Without our settings the other system answers on the connection on which it was asked, and this one has stopped to read from it when the second
    // connection came: a link that is open, alive by its heartbeats, and deaf for ever. Seen between nodes that start on a busy machine.
    [Fact]
    public async Task A_connection_that_breaks_off_after_its_handshake_leaves_no_link_deaf()
    {
        var here = ((ExtendedActorSystem)_other).Provider.ResolveActorRef(TestActor.Path.ToStringWithAddress(AddressOf(Sys)));
        var echo = _other.ActorOf(Props.Create(() => new Echo(here)), "echo");
        var there = ((ExtendedActorSystem)Sys).Provider.ResolveActorRef(echo.Path.ToStringWithAddress(AddressOf(_other)));
        there.Tell("before");
        await ExpectMsgAsync("before", TimeSpan.FromSeconds(10));

        await BreakOffAfterHandshakeAsync(AddressOf(_other), AddressUidExtension.Uid(_other), AddressOf(Sys));

        await AwaitAssertAsync(async () =>
        {
            there.Tell("after");
            await ExpectMsgAsync("after", TimeSpan.FromMilliseconds(200));
        }, TimeSpan.FromSeconds(10));
    }

    protected override void AfterAll()
    {
        Shutdown(_other);
        base.AfterAll();
    }

    /// <summary>Connects to <paramref name="to"/>, says what the system at <paramref name="from"/> would, and closes when the answer has come.</summary>
    private static async Task BreakOffAfterHandshakeAsync(Address from, int uid, Address to)
    {
        var origin = Message(w => Text(w, 1, from.System), w => Text(w, 2, from.Host), w => Number(w, 3, from.Port!.Value), w => Text(w, 4, "tcp"));
        var handshake = Message(w => Bytes(w, 1, origin), w =>
        {
            w.WriteTag(2, WireFormat.WireType.Fixed64);
            w.WriteFixed64((ulong)uid);
        });
        var associate = Message(w => Number(w, 1, 1), w => Bytes(w, 2, handshake));
        var packet = Message(w => Bytes(w, 2, associate));
        var frame = new byte[sizeof(int) + packet.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, packet.Length);
        packet.CopyTo(frame, sizeof(int));

        using var client = new TcpClient();
        await client.ConnectAsync(to.Host, to.Port!.Value);
        await client.GetStream().WriteAsync(frame);
        Assert.True(await client.GetStream().ReadAsync(new byte[1024]) > 0, "the handshake is not answered");
    }

    private static byte[] Message(params ReadOnlySpan<Action<CodedOutputStream>> fields)
    {
        using var bytes = new MemoryStream();
        using var writer = new CodedOutputStream(bytes);
        foreach (var field in fields)
            field(writer);
        writer.Flush();
        return bytes.ToArray();
    }

    private static void Text(CodedOutputStream writer, int field, string text)
    {
        writer.WriteTag(field, WireFormat.WireType.LengthDelimited);
        writer.WriteString(text);
    }

    private static void Bytes(CodedOutputStream writer, int field, byte[] bytes)
    {
        writer.WriteTag(field, WireFormat.WireType.LengthDelimited);
        writer.WriteBytes(ByteString.CopyFrom(bytes));
    }

    private static void Number(CodedOutputStream writer, int field, int number)
    {
        writer.WriteTag(field, WireFormat.WireType.Varint);
        writer.WriteInt32(number);
    }

    private static Address AddressOf(ActorSystem system) => ((ExtendedActorSystem)system).Provider.DefaultAddress;

    private sealed class Echo(IActorRef to) : UntypedActor
    {
        protected override void OnReceive(object message) => to.Tell(message);
    }
}
