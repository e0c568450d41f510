using System.Text;
using Actors.Storage;
using Actors.TestKit;
using Akka.Actor;
using CsCheck;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class DiskTests
{
    [Fact]
    public void What_is_synced_survives_a_crash()
    {
        using var world = new OneDisk(1);
        for (var i = 0; i < 10; i++)
            world.Put(i, sync: i == 9);

        world.Node.Crash();
        world.Node.Restart();

        Assert.Equal(Enumerable.Range(0, 10), world.Numbers());
    }

    [Theory, Seeds(30)]
    public void Of_what_is_not_synced_a_prefix_survives_a_crash(int seed)
    {
        using var world = new OneDisk(seed);
        for (var i = 0; i < 20; i++)
            world.Put(i, sync: i == 9);

        world.Node.Crash();
        world.Node.Restart();

        var survived = world.Numbers();
        Assert.InRange(survived.Count, 10, 20);
        Assert.Equal(Enumerable.Range(0, survived.Count), survived);
    }

    [Fact]
    public void How_much_survives_is_the_seeds_choice()
    {
        var survived = Enumerable.Range(1, 100).Select(seed =>
        {
            using var world = new OneDisk(seed);
            for (var i = 0; i < 3; i++)
                world.Put(i, sync: false);
            world.Node.Crash();
            world.Node.Restart();
            return world.Numbers().Count;
        });

        Assert.Equal([0, 1, 2, 3], survived.Distinct().Order());
    }

    [Theory, Seeds(20)]
    public void What_a_sync_lets_out_keeps_its_order_when_the_machine_is_suspended_during_it(int seed)
    {
        var told = new List<object>();
        using var sim = new Simulation(seed);
        var node = sim.AddNode("n1", node =>
        {
            var store = node.OpenStore();
            var sink = node.Record("sink", told);
            node.Act("writer", (_, message) =>
            {
                store.Write(new WriteSet(), sync: true);
                sink.Tell(message);
            });
        });
        node.Disk.SyncsTake = Seconds(1);
        foreach (var number in (int[])[1, 2, 3])
            node.Actor("writer").Tell(number);
        sim.RunFor(Seconds(0.5));

        node.Disk.SyncsTake = Seconds(0);
        node.Pause(Seconds(3), clockStops: true);
        sim.RunFor(Seconds(10));

        Assert.Equal([1, 2, 3], told);
    }

    [Fact]
    public void A_write_set_is_lost_as_a_whole_with_overwritten_and_deleted_values_back()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            using var world = new OneDisk(seed);
            world.Put(1, sync: false);
            world.Put(2, sync: false);
            world.Put(3, sync: true);
            var writes = new WriteSet();
            writes.Put(Table.Log, OneDisk.Key(1), new byte[] { 99 });
            writes.DeleteRange(Table.Log, OneDisk.Key(2), OneDisk.Key(3));
            writes.Delete(Table.Log, OneDisk.Key(3));
            writes.Put(Table.Log, OneDisk.Key(4), OneDisk.Key(4));
            world.Store.Write(writes, sync: false);

            world.Node.Crash();
            world.Node.Restart();

            var lost = world.Numbers() is [1, 2, 3] && world.Store.Get(Table.Log, OneDisk.Key(1))![0] == 0;
            var kept = world.Numbers() is [1, 4] && world.Store.Get(Table.Log, OneDisk.Key(1))![0] == 99;
            Assert.True(lost || kept, string.Join(',', world.Numbers()));
        }
    }

    [Fact]
    public void The_handle_of_a_crashed_node_is_dead()
    {
        using var world = new OneDisk(1);
        var old = world.Store;
        world.Node.Crash();

        Assert.Throws<ObjectDisposedException>(() => old.Get(Table.Log, OneDisk.Key(1)));
        world.Node.Restart();
        Assert.Throws<ObjectDisposedException>(() => old.Write(new WriteSet(), sync: false));
        Assert.Throws<ObjectDisposedException>(() => old.Scan(Table.Log, [], null));
    }

    [Fact]
    public void A_failed_sync_fails_the_store_until_it_is_opened_anew_and_may_lose_the_unsynced_part()
    {
        var survived = Enumerable.Range(1, 30).Select(seed =>
        {
            using var world = new OneDisk(seed);
            world.Put(1, sync: true);
            world.Node.Disk.FailNextSync();
            Assert.Contains("sync", Assert.Throws<StoreFailedException>(() => world.Put(2, sync: true)).Message, StringComparison.Ordinal);
            Assert.Contains("failed before", Assert.Throws<StoreFailedException>(() => world.Put(3, sync: true)).Message, StringComparison.Ordinal);
            world.Reopen();
            world.Put(4, sync: true);
            return string.Join(',', world.Numbers());
        });

        Assert.Equal(["1,2,4", "1,4"], survived.Distinct().Order());
    }

    [Fact]
    public void Syncs_fail_at_their_rate()
    {
        using var world = new OneDisk(1);
        world.Node.Disk.Faults = new DiskFaults { SyncFailure = 0.2 };
        var failures = 0;
        for (var i = 0; i < 1000; i++)
        {
            try
            {
                world.Put(i, sync: true);
            }
            catch (StoreFailedException)
            {
                failures++;
                world.Reopen();
            }
        }

        Assert.InRange(failures, 150, 250);
    }

    [Fact]
    public void A_full_disk_takes_no_write_and_nothing_is_lost()
    {
        using var world = new OneDisk(1);
        world.Put(1, sync: true);
        world.Node.Disk.IsFull = true;
        Assert.Contains("full", Assert.Throws<StoreFailedException>(() => world.Put(2, sync: false)).Message, StringComparison.Ordinal);

        world.Node.Disk.IsFull = false;
        Assert.Throws<StoreFailedException>(() => world.Put(3, sync: false));
        world.Reopen();
        world.Put(4, sync: true);

        Assert.Equal([1, 4], world.Numbers());
    }

    [Fact]
    public void A_rotten_value_differs_in_one_bit_and_is_read_as_it_is()
    {
        using var world = new OneDisk(1);
        for (var i = 0; i < 100; i++)
            world.Put(i, sync: true);

        var key = world.Node.Disk.Rot(Table.Log);

        var (expected, read) = (OneDisk.Key(BitConverter.ToInt32([.. key!.Reverse()])), world.Store.Get(Table.Log, key)!);
        Assert.Equal(1, expected.Zip(read, (a, b) => System.Numerics.BitOperations.PopCount((uint)(a ^ b))).Sum());
        Assert.Null(world.Node.Disk.Rot(Table.State));
    }

    [Fact]
    public void A_wiped_disk_is_empty()
    {
        using var world = new OneDisk(1);
        world.Put(1, sync: true);
        Assert.Throws<InvalidOperationException>(world.Node.Disk.Wipe);
        world.Node.Crash();
        world.Node.Disk.Wipe();
        world.Node.Restart();

        Assert.Empty(world.Numbers());
    }

    [Fact]
    public void A_sync_blocks_its_actor_and_the_completion_leaves_afterwards()
    {
        var events = new List<(string, TimeSpan)>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node =>
        {
            var store = node.OpenStore();
            var other = node.Act("other", (_, message) => events.Add(($"other got {message}", sim.Now)));
            node.Act("store", (_, message) =>
            {
                events.Add(($"store got {message}", sim.Now));
                var before = node.Clock.Elapsed;
                store.Write(Writes(), sync: true);
                other.Tell($"done {message} after {(node.Clock.Elapsed - before).TotalMilliseconds}");
            });
        });
        node.Disk.Faults = new DiskFaults { MinSync = Ms(10), MaxSync = Ms(10) };
        node.Actor("store").Tell("a");
        node.Actor("store").Tell("b");
        sim.After(Ms(5), () => node.Actor("other").Tell("meanwhile"));

        sim.RunFor(Seconds(1));

        Assert.Equal(
            [("store got a", Ms(0)), ("other got meanwhile", Ms(5)), ("other got done a after 10", Ms(10)), ("store got b", Ms(10)), ("other got done b after 10", Ms(20))],
            events.OrderBy(e => e.Item2).ThenBy(e => e.Item1));
    }

    [Fact]
    public void A_message_to_another_node_leaves_after_the_sync_and_is_lost_when_the_node_crashes_before()
    {
        foreach (var (crash, expected) in ((TimeSpan, TimeSpan[])[])[(Ms(200), [Ms(101)]), (Ms(99), [])])
        {
            var received = new List<TimeSpan>();
            using var sim = new Simulation(1);
            sim.Network.Faults = new LinkFaults { MinDelay = Ms(1), MaxDelay = Ms(1) };
            sim.AddNode("n2", node => node.Act("b", (_, _) => received.Add(sim.Now)));
            var node = sim.AddNode("n1", node =>
            {
                var store = node.OpenStore();
                node.Act("a", (_, _) =>
                {
                    store.Write(Writes(), sync: true);
                    node.Remote("n2/b").Tell("synced");
                });
            });
            node.Disk.Stall(Ms(100));
            node.Actor("a").Tell("go");
            sim.After(crash, node.Crash);

            sim.RunFor(Seconds(1));

            Assert.Equal(expected, received);
        }
    }

    [Fact]
    public void A_sync_that_a_crash_interrupts_promises_nothing()
    {
        var survived = Enumerable.Range(1, 30).Select(seed =>
        {
            using var sim = new Simulation(seed);
            var kept = false;
            var node = sim.AddNode("n1", node =>
            {
                var store = node.OpenStore();
                kept = store.Get(Table.Meta, "k"u8) is not null;
                node.Act("a", (_, _) => store.Write(Writes(), sync: true));
            });
            node.Disk.Stall(Ms(100));
            node.Actor("a").Tell("go");
            sim.RunFor(Ms(50));
            node.Crash();
            node.Restart();
            return kept;
        });

        Assert.Equal([false, true], survived.Distinct().Order());
    }

    [Fact]
    public void A_child_made_by_a_blocked_actor_starts_afterwards()
    {
        var started = TimeSpan.Zero;
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node =>
        {
            var store = node.OpenStore();
            node.Act("a", (context, _) =>
            {
                store.Write(Writes(), sync: true);
                Action<IUntypedActorContext, object> handle = (_, _) => started = sim.Now;
                context.ActorOf(Props.Create(() => new Acting(handle))).Tell("go");
            });
        });
        node.Disk.Stall(Ms(100));
        node.Actor("a").Tell("go");

        sim.RunFor(Seconds(1));

        Assert.Equal(Ms(100), started);
    }

    [Fact]
    public void The_store_is_an_ordered_map_and_a_scan_sees_it_as_of_its_call() =>
        Gen.Select(Gen.Int[0, 3], Gen.String[Gen.Char['a', 'c'], 0, 3], Gen.String[Gen.Char['a', 'c'], 0, 3], Gen.Int).Array[0, 400].Sample(operations =>
        {
            var table = new SortedTable();
            var model = new SortedDictionary<string, int>(StringComparer.Ordinal);
            var scans = new List<(IEnumerable<KeyValuePair<byte[], byte[]>> Scan, (string, int)[] Expected)>();
            foreach (var (kind, key, to, value) in operations)
            {
                switch (kind)
                {
                    case 0:
                        table.Delete(Bytes(key));
                        model.Remove(key);
                        break;
                    case 1:
                        var end = to.Length == 0 ? null : to;
                        scans.Add((table.Scan(Bytes(key), end is null ? null : Bytes(end)), InRange(model, key, end)));
                        break;
                    default:
                        table.Put(Bytes(key), BitConverter.GetBytes(value));
                        model[key] = value;
                        break;
                }

                Assert.Equal(model.TryGetValue(to, out var found) ? BitConverter.GetBytes(found) : null, table.Get(Bytes(to)));
            }

            Assert.Equal(model.Count, table.Count);
            foreach (var (scan, expected) in scans)
                Assert.Equal(expected, scan.Select(pair => (Encoding.ASCII.GetString(pair.Key), BitConverter.ToInt32(pair.Value))));
        });

    [Fact]
    public void A_large_table_keeps_its_order()
    {
        var random = new SeededRandom(1);
        var table = new SortedTable();
        var model = new SortedDictionary<int, int>();
        for (var i = 0; i < 20_000; i++)
        {
            var key = random.Next(5_000);
            if (random.Chance(0.3))
            {
                table.Delete(OneDisk.Key(key));
                model.Remove(key);
            }
            else
            {
                table.Put(OneDisk.Key(key), BitConverter.GetBytes(i));
                model[key] = i;
            }
        }

        Assert.Equal(model.Keys.Select(OneDisk.Key), table.Scan([], null).Select(pair => pair.Key));
        Assert.Equal(OneDisk.Key(model.Keys.ElementAt(1234)), table.At(1234).Key);
    }

    private static (string, int)[] InRange(SortedDictionary<string, int> model, string from, string? to) =>
        [.. model.Where(pair => string.CompareOrdinal(pair.Key, from) >= 0 && (to is null || string.CompareOrdinal(pair.Key, to) < 0)).Select(pair => (pair.Key, pair.Value))];

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    private static WriteSet Writes()
    {
        var writes = new WriteSet();
        writes.Put(Table.Meta, "k"u8.ToArray(), "v"u8.ToArray());
        return writes;
    }

    /// <summary>One node whose disk the test writes to directly: entry n of the log holds its own key.</summary>
    private sealed class OneDisk : IDisposable
    {
        private readonly Simulation _sim;
        private SimNodeContext? _context;

        public OneDisk(long seed)
        {
            _sim = new Simulation(seed);
            Node = _sim.AddNode("n1", context =>
            {
                _context = context;
                Reopen();
            });
        }

        public SimNode Node { get; }

        public IStore Store { get; private set; } = null!;

        public static byte[] Key(int number) => [.. BitConverter.GetBytes(number).Reverse()];

        public void Reopen() => Store = _context!.OpenStore();

        public void Put(int number, bool sync)
        {
            var writes = new WriteSet();
            writes.Put(Table.Log, Key(number), Key(number));
            Store.Write(writes, sync);
        }

        public IReadOnlyList<int> Numbers() => [.. Store.Scan(Table.Log, [], null).Select(pair => BitConverter.ToInt32([.. pair.Key.Reverse()]))];

        public void Dispose() => _sim.Dispose();
    }
}
