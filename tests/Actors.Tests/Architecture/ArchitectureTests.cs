using System.Reflection;
using Actors.Storage;
using Akka.Actor;

namespace Actors.Tests.Architecture;

/// <summary>The arrows between the folders of the library, and what its actors must not do. Read from the compiled library, so nothing hides behind a full name.</summary>
public sealed class ArchitectureTests
{
    private static readonly Assembly Library = typeof(ActorsConfig).Assembly;

    /// <summary>Folder → the folders it may use besides itself. A new folder is entered here with its first file.</summary>
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        [""] = [],
        ["Membership"] = [],
        ["Timing"] = [],
        ["Wire"] = [],
        ["Storage"] = ["Timing"],       // the writer measures its syncs with the node's clock
        ["Delivery"] = ["Membership", "Timing", "Storage", "Wire"],
        ["Broadcast"] = ["Delivery", "Membership", "Timing", "Storage", "Wire"],
        ["Replication"] = ["Membership", "Timing", "Storage", "Wire"],
        ["GroupDirectory"] = ["Membership", "Replication", "Wire"],
    };

    [Fact]
    public void Folders_use_only_the_folders_below_them()
    {
        var wrong = from type in OwnTypes()
                    from used in References.TypesOf(type)
                    where used.Assembly == Library && used.Namespace is not null && Folder(used) != Folder(type)
                    where !MayUse.TryGetValue(Folder(type), out var allowed) || !allowed.Contains(Folder(used))
                    select $"{type} uses {used}: {Folder(type)} must not use {Folder(used)}";
        Assert.Empty(wrong.Distinct());
    }

    [Fact]
    public void The_library_uses_of_Akka_only_its_core()
    {
        var akka = Library.GetReferencedAssemblies().Select(a => a.Name!).Where(a => a.StartsWith("Akka", StringComparison.Ordinal));
        Assert.Equal(["Akka"], akka);
    }

    /// <summary>What would make a run depend on something else than its seed, or an actor wait: the simulation cannot replay it.</summary>
    [Fact]
    public void Nothing_in_the_library_asks_pipes_forks_or_looks_at_the_wall_clock_or_the_shared_random_source()
    {
        var wrong = from type in OwnTypes()
                    where type != typeof(Timing.SystemClock)        // the one place that reads the machine's clocks
                        && type != typeof(DiskDispatcher)           // the one thread: it waits for the disk
                        && type != typeof(Wire.DirectExecutor)      // gives a thread back to its owner; a simulation has its own dispatcher
                    from member in References.UsedBy(type)
                    where IsBanned(member)
                    select $"{type} uses {member.DeclaringType}.{member.Name}";
        Assert.Empty(wrong.Distinct());
    }

    [Fact]
    public void Actors_do_not_await()
    {
        var wrong = from type in OwnTypes()
                    where typeof(ActorBase).IsAssignableFrom(type)
                    from method in type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                    where typeof(Task).IsAssignableFrom(method.ReturnType) || method.IsDefined(typeof(System.Runtime.CompilerServices.AsyncStateMachineAttribute))
                    select $"{type}.{method.Name}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void Only_a_node_watches_and_only_its_own_children()
    {
        var watching = from type in OwnTypes()
                       from member in References.UsedBy(type)
                       where member.Name is "Watch" or "WatchWith" && typeof(ICanWatch).IsAssignableFrom(member.DeclaringType)
                       select type;
        Assert.Equal([typeof(Replication.ReplicationNode)], watching.Distinct());
    }

    [Fact]
    public void The_scan_sees_what_it_must_not_find()
    {
        // Without this a reader of IL that reads nothing would pass every test above.
        var used = References.UsedBy(typeof(Offender)).Where(IsBanned).Select(m => m.Name).Distinct().Order();
        Assert.Equal(["Ask", "PipeTo", "Run", "get_Shared", "get_UtcNow"], used);
        Assert.Contains(typeof(Replication.LogEntry), References.TypesOf(typeof(Replication.ReplicatedLog)));
        Assert.Contains(typeof(Storage.WriteSet), References.TypesOf(typeof(Replication.StateSpace)));
    }

    private static bool IsBanned(MemberInfo member) => (member.DeclaringType?.FullName, member.Name) switch
    {
        (_, "Ask" or "PipeTo") when member.DeclaringType!.Namespace!.StartsWith("Akka", StringComparison.Ordinal) => true,
        ("System.Threading.Tasks.Task", "Run") or ("System.Threading.Tasks.TaskFactory", "StartNew") or ("System.Threading.Thread", "Start" or "Sleep") => true,
        ("System.DateTime" or "System.DateTimeOffset", "get_Now" or "get_UtcNow") => true,
        ("System.Random", "get_Shared") or ("System.Guid", "NewGuid") => true,
        ("System.Random", ".ctor") => ((ConstructorInfo)member).GetParameters().Length == 0,
        _ => false,
    };

    private static IEnumerable<Type> OwnTypes() => Library.GetTypes().Where(t => t.Namespace?.StartsWith("Actors", StringComparison.Ordinal) == true);

    private static string Folder(Type type) => type.Namespace!.Split('.') is [_, var folder, ..] ? folder : "";

    private sealed class Offender
    {
        public static object[] Offend(IActorRef actor) =>
            [actor.Ask("x"), Task.FromResult(1).PipeTo(actor), Task.Run(() => 1), DateTime.UtcNow, Random.Shared];
    }
}
