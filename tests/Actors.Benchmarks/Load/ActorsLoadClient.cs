using System.Net;
using System.Net.Sockets;
using Actors.Hosting;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Akka.Actor;
using Akka.Configuration;

namespace Actors.Benchmarks.Load;

/// <summary>The project's own client in an actor system of its own, over Akka.Remote.</summary>
internal sealed class ActorsLoadClient : ILoadClient
{
    public const string Kind = "actors";

    private readonly ActorSystem _system;
    private readonly KeyValueClient _client;
    private readonly byte[][] _keys = [.. Enumerable.Range(0, LoadClients.Keys).Select(k => System.Text.Encoding.UTF8.GetBytes(LoadClients.Key(k)))];
    private readonly byte[] _value;

    /// <param name="endpoints"><c>n1=host:port</c> and so on.</param>
    /// <param name="valueBytes">Length of the values.</param>
    public ActorsLoadClient(IReadOnlyList<string> endpoints, int valueBytes)
    {
        _value = LoadClients.Value(valueBytes);
        var nodes = endpoints.Select(e => e.Split('=')).ToDictionary(e => e[0], e => e[1]);
        _system = ActorSystem.Create("demo", ConfigurationFactory.ParseString($$"""
            akka { loglevel = OFF, stdout-loglevel = OFF }     # standard output carries the results
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = {{AddressTowards(nodes.Values.First())}}, port = 0 }
            akka.remote.retry-gate-closed-for = 500 ms
            """).WithFallback(ActorsConfig.Default));
        _client = new KeyValueClient(ReplicationClient.Connect(_system, nodes, "default"));
    }

    public Task WriteAsync(int key) => PutAsync(_keys[key]);

    /// <summary>As <see cref="WriteAsync"/>, under any key.</summary>
    public async Task PutAsync(byte[] key)
    {
        var result = await _client.PutAsync(key, _value);
        if (result.Outcome is not Outcome.Ok)
            throw new InvalidDataException($"actors: {result.Outcome}: {result.Error}");
    }

    public Task ReadAsync(int key) => ReadAsync(key, ReadMode.Linearizable);

    /// <summary>As <see cref="ReadAsync(int)"/>, guarded as <paramref name="mode"/> says.</summary>
    public async Task ReadAsync(int key, ReadMode mode)
    {
        var result = await _client.GetAsync(_keys[key], mode);
        if (result.Outcome is not Outcome.Ok || result.Value.Length != _value.Length)
            throw new InvalidDataException($"actors: {LoadClients.Key(key)} does not hold what was written: {result.Outcome} {result.Error}");
    }

    public async ValueTask DisposeAsync() => await _system.Terminate();

    /// <summary>The address of this machine under which the one of <paramref name="endpoint"/> can answer. Sends nothing.</summary>
    private static IPAddress AddressTowards(string endpoint)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(IPEndPoint.Parse(endpoint));
        return ((IPEndPoint)socket.LocalEndPoint!).Address;
    }
}
