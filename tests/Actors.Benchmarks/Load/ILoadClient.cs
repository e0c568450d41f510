using System.Globalization;

namespace Actors.Benchmarks.Load;

/// <summary>What is asked of a system under load.</summary>
internal enum Operation
{
    /// <summary>Sets a key to a value; done when the system acknowledges it.</summary>
    Write,

    /// <summary>Gets the value of a key; linearizable where the system has such reads.</summary>
    Read,
}

/// <summary>A way to load a system: one row of the report.</summary>
/// <param name="Name">As it stands in the report.</param>
/// <param name="Client">The kind of client; see <see cref="LoadClients.ConnectAsync"/>.</param>
/// <param name="Endpoints">What the client connects to, in the client's own notation.</param>
/// <param name="Meaning">What a completed request stands for; printed below the table.</param>
internal sealed record LoadTarget(string Name, string Client, IReadOnlyList<string> Endpoints, string Meaning);

/// <summary>A client of one system that keeps any number of requests in flight.</summary>
internal interface ILoadClient : IAsyncDisposable
{
    /// <summary>Writes the value under a key and completes when it is acknowledged; throws when it is refused or takes over 10 s.</summary>
    /// <param name="key">0 to <see cref="LoadClients.Keys"/> - 1.</param>
    Task WriteAsync(int key);

    /// <summary>Reads a key that was written; throws when the value is not there or not of the length that was written.</summary>
    /// <param name="key">0 to <see cref="LoadClients.Keys"/> - 1.</param>
    Task ReadAsync(int key);
}

/// <summary>Creates clients, and the keys and the value that all kinds of client use.</summary>
internal static class LoadClients
{
    /// <summary>How many different keys are written and read.</summary>
    public const int Keys = 1000;

    /// <summary>After this a request has failed.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    public static string Key(int key) => string.Create(CultureInfo.InvariantCulture, $"key-{key:d4}");

    public static byte[] Value(int bytes)
    {
        var value = new byte[bytes];
        new Random(bytes).NextBytes(value);
        return value;
    }

    public static async Task<ILoadClient> ConnectAsync(LoadTarget target, int valueBytes) => target.Client switch
    {
        ActorsLoadClient.Kind => new ActorsLoadClient(target.Endpoints, valueBytes),
        EtcdLoadClient.Kind => new EtcdLoadClient(target.Endpoints, valueBytes),
        RedisLoadClient.Kind => await RedisLoadClient.ConnectAsync(target.Endpoints[0], valueBytes),
        RedisWaitLoadClient.Kind => new RedisWaitLoadClient(await RedisLoadClient.ConnectAsync(target.Endpoints[0], valueBytes)),
        _ => throw new ArgumentException($"no client of kind '{target.Client}'", nameof(target)),
    };
}
