using Etcdserverpb;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Actors.Benchmarks.Load;

/// <summary>Put and linearizable Range over one HTTP/2 connection to each endpoint, in turn.</summary>
internal sealed class EtcdLoadClient : ILoadClient
{
    public const string Kind = "etcd";

    private readonly GrpcChannel[] _channels;
    private readonly KV.KVClient[] _endpoints;
    private readonly ByteString[] _keys = [.. Enumerable.Range(0, LoadClients.Keys).Select(k => ByteString.CopyFromUtf8(LoadClients.Key(k)))];
    private readonly ByteString _value;
    private uint _turn;

    public EtcdLoadClient(IReadOnlyList<string> endpoints, int valueBytes)
    {
        _channels = [.. endpoints.Select(GrpcChannel.ForAddress)];
        _endpoints = [.. _channels.Select(channel => new KV.KVClient(channel))];
        _value = ByteString.CopyFrom(LoadClients.Value(valueBytes));
    }

    public async Task WriteAsync(int key) => await Next().PutAsync(new PutRequest { Key = _keys[key], Value = _value }, deadline: Deadline());

    public async Task ReadAsync(int key)
    {
        var reply = await Next().RangeAsync(new RangeRequest { Key = _keys[key], Serializable = false }, deadline: Deadline());
        if (reply.Kvs.Count != 1 || reply.Kvs[0].Value.Length != _value.Length)
            throw new InvalidDataException($"etcd: {LoadClients.Key(key)} does not hold what was written");
    }

    public ValueTask DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private KV.KVClient Next() => _endpoints[Interlocked.Increment(ref _turn) % (uint)_endpoints.Length];

    private static DateTime Deadline() => DateTime.UtcNow + LoadClients.Timeout;
}
