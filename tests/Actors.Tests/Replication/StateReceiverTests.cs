using System.Collections.Concurrent;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Replication.Transfer;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;
using Akka.TestKit;
using Xunit.Abstractions;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

/// <summary>The receiving side of a state transfer alone, where an earlier attempt has left something.</summary>
public sealed class StateReceiverTests(ITestOutputHelper output) : Akka.TestKit.Xunit2.TestKit(ActorsConfig.Default, output: output)
{
    private static readonly StateOffer Offer = new(Group, new Epoch(2), Member("n1"), Member("n2"), At(2, 9), default);

    private readonly InMemoryStore _store = new();

    [Fact]
    public void A_part_that_is_the_same_as_this_attempt_said_to_hold_is_taken_as_it_is()
    {
        var (receiver, replica, fetches) = Start();
        receiver.Tell(Same(fetches.First().Held!));
        AwaitAssert(() => Assert.Equal(fetches.First().Held!.End, fetches.Last().At.Key.ToArray()));
        receiver.Tell(new StateChunk(Offer.Group, Offer.Epoch, Offer.From, Offer.To, Offer.Position, 0, fetches.Last().At, null, null, [], StateRange.Checksum([])));
        replica.ExpectMsg<StateReceived>();
        Assert.Equal("1"u8.ToArray(), _store.Get(Table.State, Keys.State(1).Of("a"u8.ToArray())));
    }

    [Fact]
    public void A_part_that_is_the_same_as_an_earlier_attempt_said_to_hold_is_fetched_again()
    {
        var (receiver, replica, fetches) = Start();
        var held = fetches.First().Held!;
        receiver.Tell(Same(held with { Hash = held.Hash + 1 }));        // as long, with other content
        receiver.Tell(Same(held with { End = [.. held.End, 0] }));      // the same content, of a longer part
        StatePiece[] pieces = [new("a"u8.ToArray(), 0, 1, "2"u8.ToArray())];
        receiver.Tell(new StateChunk(Offer.Group, Offer.Epoch, Offer.From, Offer.To, Offer.Position, 0, StateCursor.Start, null, null, pieces, StateRange.Checksum(pieces)));
        replica.ExpectMsg<StateReceived>();
        Assert.Equal("2"u8.ToArray(), _store.Get(Table.State, Keys.State(1).Of("a"u8.ToArray())));
    }

    private (IActorRef Receiver, TestProbe Replica, ConcurrentQueue<FetchState> Fetches) Start()
    {
        var left = new WriteSet();
        left.Put(Table.State, Keys.State(1).Of("a"u8.ToArray()), "1"u8.ToArray());
        _store.Write(left, sync: true);
        var clock = SystemClock.Instance;
        var (replica, writer, fetches) = (CreateTestProbe(), Sys.ActorOf(StoreWriter.Props(_store, clock)), new ConcurrentQueue<FetchState>());
        var receiver = replica.ChildActorOf(StateReceiver.Props(_store, writer, Keys.State(1), Offer, new GroupSettings { Id = Group, InitialMembers = [new("n1"), new("n2")], StateMachine = () => new KeyValueMachine() }, clock, fetches.Enqueue));
        AwaitCondition(() => !fetches.IsEmpty);
        return (receiver, replica, fetches);
    }

    private static StateChunk Same(HeldRange held)
        => new(Offer.Group, Offer.Epoch, Offer.From, Offer.To, Offer.Position, 0, StateCursor.Start, new StateCursor(held.End, 0), held.Hash, [], StateRange.Checksum([]));
}
