using System.Diagnostics;
using System.Globalization;
using System.Text;
using Actors.Membership;
using Actors.Replication;

namespace Actors.Sample;

/// <summary>A service of the application: what the rest of it sees of the replicated inventory.</summary>
public sealed class Warehouse(IReplication replication)
{
    /// <summary>The name of the replicated group.</summary>
    public const string Group = "inventory";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IReplicatedGroup _inventory = replication.Group(new GroupId(Group));

    /// <summary>Adds goods; the stock afterwards.</summary>
    public async Task<long> ReceiveAsync(string item, int count) => Stock(await Submit($"receive {item} {count}"));

    /// <summary>Takes goods out of stock; false, and nothing changes, when there are too few.</summary>
    public async Task<bool> TryReserveAsync(string item, int count)
    {
        var reply = await Submit($"reserve {item} {count}");
        return reply.Outcome is Outcome.Failed ? false : Stock(reply) >= 0;
    }

    /// <summary>The stock at this moment, wherever it is asked.</summary>
    public async Task<long> StockAsync(string item) => Stock(await UntilServed(() => _inventory.QueryAsync(Encoding.UTF8.GetBytes(item))));

    private Task<GroupReply> Submit(string command) => UntilServed(() => _inventory.SubmitAsync(Encoding.UTF8.GetBytes(command)));

    // Unavailable and Overloaded say that nothing was applied, so asking again is safe: a failover, or a burst, is over in a moment.
    private static async Task<GroupReply> UntilServed(Func<Task<GroupReply>> ask)
    {
        for (var since = Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            var reply = await ask();
            if (reply.Outcome is not (Outcome.Unavailable or Outcome.Overloaded) || since.Elapsed > Patience)
                return reply;
        }
    }

    private static long Stock(GroupReply reply) => reply.Outcome is Outcome.Ok
        ? long.Parse(Encoding.UTF8.GetString(reply.Payload.Span), CultureInfo.InvariantCulture)
        : throw new InvalidOperationException($"{reply.Outcome}: {reply.Error}");
}
