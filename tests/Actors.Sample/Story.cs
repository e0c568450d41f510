namespace Actors.Sample;

/// <summary>What the sample shows: three nodes, one inventory, and the loss of the node that leads.</summary>
public static class Story
{
    /// <summary>Runs it, in a few seconds.</summary>
    /// <param name="ports">The Akka.Remote ports of the nodes, by name.</param>
    /// <param name="folder">An empty folder for the nodes' data.</param>
    /// <param name="output">Takes a line for each step.</param>
    public static async Task TellAsync(IReadOnlyDictionary<string, int> ports, string folder, TextWriter output)
    {
        var shops = new Dictionary<string, Shop>();
        try
        {
            foreach (var node in ports.Keys)
                shops[node] = await Shop.StartAsync(node, ports, folder);
            foreach (var shop in shops.Values)
                await shop.ReadyAsync();
            var primary = await shops.Values.First().PrimaryAsync();
            await output.WriteLineAsync($"{shops.Count} nodes are up, {primary} is the primary");

            var other = shops.Values.First(s => s.Node != primary);
            await output.WriteLineAsync($"{other.Node}: received 10 apples, in stock: {await other.Warehouse.ReceiveAsync("apples", 10)}");
            await output.WriteLineAsync($"{other.Node}: reserved 4 apples: {await other.Warehouse.TryReserveAsync("apples", 4)}");
            await output.WriteLineAsync($"{other.Node}: reserved 7 apples: {await other.Warehouse.TryReserveAsync("apples", 7)}");

            await shops[primary].KillAsync();
            shops.Remove(primary);
            await output.WriteLineAsync($"{primary} was killed");
            await output.WriteLineAsync($"{other.Node}: apples in stock: {await other.Warehouse.StockAsync("apples")}");
            await output.WriteLineAsync($"{await other.PrimaryAsync()} is the primary now");

            shops[primary] = await Shop.StartAsync(primary, ports, folder);
            await shops[primary].ReadyAsync();
            await output.WriteLineAsync($"{primary}: is back, reserved 6 apples: {await shops[primary].Warehouse.TryReserveAsync("apples", 6)}");
            await output.WriteLineAsync($"{primary}: apples in stock: {await shops[primary].Warehouse.StockAsync("apples")}");
        }
        finally
        {
            await Task.WhenAll(shops.Values.Select(shop => shop.DisposeAsync().AsTask()));
        }
    }
}
