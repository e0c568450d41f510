using StackExchange.Redis;

namespace Actors.Benchmarks.Load;

/// <summary>SET and GET at the primary, all pipelined over one connection: how StackExchange.Redis is meant to be used, and its fastest.</summary>
internal sealed class RedisLoadClient : ILoadClient
{
    public const string Kind = "redis";

    private readonly ConnectionMultiplexer _connection;
    private readonly RedisKey[] _keys = [.. Enumerable.Range(0, LoadClients.Keys).Select(k => (RedisKey)LoadClients.Key(k))];
    private readonly byte[] _value;

    private RedisLoadClient(ConnectionMultiplexer connection, int valueBytes)
    {
        _connection = connection;
        _value = LoadClients.Value(valueBytes);
        Database = connection.GetDatabase();
    }

    public IDatabase Database { get; }

    public static async Task<RedisLoadClient> ConnectAsync(string endpoint, int valueBytes) =>
        new(await ConnectionMultiplexer.ConnectAsync(endpoint, options => options.AsyncTimeout = (int)LoadClients.Timeout.TotalMilliseconds), valueBytes);

    public Task WriteAsync(int key) => Database.StringSetAsync(_keys[key], _value);

    public async Task ReadAsync(int key)
    {
        if ((await Database.StringGetAsync(_keys[key])).Length() != _value.Length)
            throw new InvalidDataException($"redis: {LoadClients.Key(key)} does not hold what was written");
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

/// <summary>SET followed by WAIT 2: acknowledged when both replicas have received the write.</summary>
/// <remarks>
/// WAIT holds up its connection, so one per write would leave a single write in flight. Here all writes that arrive during one WAIT share the
/// next one, which is faster than a connection for each outstanding request.
/// </remarks>
internal sealed class RedisWaitLoadClient(RedisLoadClient redis) : ILoadClient
{
    public const string Kind = "redis-wait";

    private const int Replicas = 2;
    private readonly Lock _gate = new();
    private List<TaskCompletionSource> _sinceLastWait = [];
    private bool _waiting;

    public async Task WriteAsync(int key)
    {
        var replicated = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task set;
        bool first;
        lock (_gate)
        {
            set = redis.WriteAsync(key);
            _sinceLastWait.Add(replicated);
            first = !_waiting;
            _waiting = true;
        }

        if (first)
            _ = WaitForReplicasAsync();
        await set;
        await replicated.Task;
    }

    public Task ReadAsync(int key) => redis.ReadAsync(key);

    public ValueTask DisposeAsync() => redis.DisposeAsync();

    private async Task WaitForReplicasAsync()
    {
        while (true)
        {
            List<TaskCompletionSource> group;
            Task<RedisResult> wait;
            lock (_gate)
            {
                (group, _sinceLastWait) = (_sinceLastWait, []);
                _waiting = group.Count > 0;
                if (!_waiting)
                    return;
                wait = redis.Database.ExecuteAsync("WAIT", Replicas, (int)LoadClients.Timeout.TotalMilliseconds);
            }

            Exception? failure = null;
            try
            {
                var replicas = (int)await wait;
                if (replicas < Replicas)
                    failure = new RedisException($"only {replicas} of {Replicas} replicas have the write");
            }
            catch (Exception e)
            {
                failure = e;
            }

            foreach (var write in group)
            {
                if (failure is null)
                    write.SetResult();
                else
                    write.SetException(failure);
            }
        }
    }
}
