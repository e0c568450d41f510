using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Actors.Hosting.Configuration;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Akka.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Actors.Hosting;

/// <summary>How the creation of a group ended.</summary>
public enum GroupCreation
{
    /// <summary>It is there, and has a primary.</summary>
    Created,

    /// <summary>It is in the catalog, and begins when every node that founds it is up: one of them is not.</summary>
    Waiting,

    /// <summary>There is one of that name.</summary>
    Exists,

    /// <summary>The name or a setting is wrong; nothing was created.</summary>
    Invalid,

    /// <summary>Nothing was created: the catalog has no primary with a quorum that this node can reach.</summary>
    Unavailable,

    /// <summary>No answer came in time: it may be created, now or a little later.</summary>
    Unknown,
}

/// <summary>One group of the cluster.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Protocol">Its protocol, as HOCON names it.</param>
/// <param name="IsCreated">True when it was created while the cluster ran; false when it stands in the configuration.</param>
/// <param name="Settings">What it was created with, beside the defaults.</param>
public sealed record CatalogGroup(GroupId Id, string Protocol, bool IsCreated, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>See <see cref="GroupSettings.IsLossy"/>.</summary>
    public bool IsLossy { get; init; }

    /// <summary>Who decides on its views.</summary>
    public ViewAuthority Authority { get; init; }
}

/// <summary>The groups of the cluster: those of the configuration, and those that were created while it ran.</summary>
public interface IGroupCatalog
{
    /// <summary>All that this node knows, by name.</summary>
    IReadOnlyList<CatalogGroup> Groups { get; }

    /// <summary>Creates a group on all nodes; it is there after a restart too.</summary>
    /// <param name="name">1 to 64 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit, and not with <c>actors.</c></param>
    /// <param name="settings">As under <c>actors.groups.NAME</c> in HOCON; lists with commas.</param>
    /// <returns>How it ended, and one line that says why when it was not simply created.</returns>
    Task<(GroupCreation Result, string Error)> CreateAsync(string name, IReadOnlyDictionary<string, string> settings);
}

/// <summary>Keeps the created groups in a replicated group of its own, and starts on this node what stands there.</summary>
internal sealed class GroupCatalog : BackgroundService, IGroupCatalog
{
    /// <summary>The group that holds the others. Its name and all that begin like it are the project's own.</summary>
    public const string Name = ReservedGroups.Prefix + "groups";

    private const int MaxValueLength = 256;
    private const int MaxSettings = 64;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(1);       // a node that stops does not wait for longer
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(5);

    private readonly Lazy<ReplicationExtension> _replication;
    private readonly ReplicationOptions _options;
    private readonly IReadOnlyDictionary<string, Func<IStateMachine>> _stateMachines;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<GroupId, CatalogGroup> _groups = [];

    public GroupCatalog(Lazy<ReplicationExtension> replication, ReplicationOptions options, IReadOnlyDictionary<string, Func<IStateMachine>> stateMachines, ILogger<GroupCatalog> log)
    {
        _replication = replication;
        _options = options;
        _stateMachines = stateMachines;
        _log = log;
        foreach (var group in options.Validated().Groups.Where(group => !ReservedGroups.Contains(group.Id)))
            _groups[group.Id] = new CatalogGroup(group.Id, ActorsBlock.NameOf(group.Protocol), false, new Dictionary<string, string>()) { IsLossy = group.IsLossy, Authority = group.Authority };
    }

    public IReadOnlyList<CatalogGroup> Groups => [.. _groups.Values.OrderBy(group => group.Id)];

    private KeyValueClient Entries => new(_replication.Value.Handle.Group(new GroupId(Name)));

    public async Task<(GroupCreation Result, string Error)> CreateAsync(string name, IReadOnlyDictionary<string, string> settings)
    {
        GroupSettings group;
        try
        {
            group = Read(name, settings);
        }
        catch (Exception e) when (e is ConfigurationException or ArgumentException)
        {
            return (GroupCreation.Invalid, e.Message.ReplaceLineEndings(" "));
        }

        if (_groups.ContainsKey(group.Id))
            return (GroupCreation.Exists, $"group '{name}' exists already");
        var written = await Entries.PutAsync(Encoding.UTF8.GetBytes(name), JsonSerializer.SerializeToUtf8Bytes(settings), Precondition.IfMissing).ConfigureAwait(false);
        switch (written.Outcome)
        {
            case Outcome.Ok when written.ConditionFailed: return (GroupCreation.Exists, $"group '{name}' exists already");
            case Outcome.Ok: break;
            case Outcome.Unknown: return (GroupCreation.Unknown, written.Error);
            default: return (GroupCreation.Unavailable, written.Error);
        }

        return await StartedAsync(group.Id).ConfigureAwait(false)
            ? (GroupCreation.Created, "")
            : (GroupCreation.Waiting, $"group '{name}' begins when all of its members are up: {string.Join(", ", group.InitialMembers)}");
    }

    /// <summary>Starts what the catalog holds, as far as this node has it, and then whatever comes.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (CompactedException)
            {
                // Changes came faster than they were taken: again from what stands there.
            }

            await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        long? index = null;
        ReadOnlyMemory<byte> after = default;
        do
        {
            var page = await Entries.ScanAsync(default, after, mode: ReadMode.Stale, timeout: ReadLimit).ConfigureAwait(false);
            if (page.Outcome is not Outcome.Ok)
                return;     // not founded yet
            index ??= page.Index;
            foreach (var entry in page.Entries)
                Start(entry.Key, entry.Value);
            after = page.More ? page.Entries[^1].Key : default;
        }
        while (!after.IsEmpty);

        await foreach (var change in Entries.WatchAsync(default, index, stop).ConfigureAwait(false))
        {
            if (!change.Deleted)
                Start(change.Key, change.Value);
        }
    }

    private void Start(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        var name = Encoding.UTF8.GetString(key.Span);
        try
        {
            var settings = JsonSerializer.Deserialize<Dictionary<string, string>>(value.Span) ?? [];
            var group = Read(name, settings);
            if (_groups.ContainsKey(group.Id))
                return;

            // Started before it is listed: who finds it in the list asks for it at once.
            _replication.Value.Handle.Add(group);
            _groups[group.Id] = new CatalogGroup(group.Id, ActorsBlock.NameOf(group.Protocol), true, settings) { IsLossy = group.IsLossy, Authority = group.Authority };
        }
        catch (Exception e) when (e is ConfigurationException or ArgumentException or JsonException)
        {
            _log.LogError("created group '{Name}' cannot be started: {Error}", name, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>True when the group has a primary or head, which takes as long as its nodes need to hear of it.</summary>
    private async Task<bool> StartedAsync(GroupId id)
    {
        var end = TimeProvider.System.GetUtcNow() + StartLimit;
        while (TimeProvider.System.GetUtcNow() < end)
        {
            if (_groups.ContainsKey(id) && (await _replication.Value.Handle.StatusAsync(id, Pause).ConfigureAwait(false)).Any(replica => replica.Role is ReplicaRole.Primary or ReplicaRole.Head))
                return true;
            await Task.Delay(Pause / 10).ConfigureAwait(false);
        }

        return false;
    }

    /// <summary>The settings of a group by the rules of the configuration. They came from a client: nothing in them may be more to HOCON than a text.</summary>
    private GroupSettings Read(string name, IReadOnlyDictionary<string, string> settings)
    {
        var id = new GroupId(name);
        if (ReservedGroups.Contains(id))
            throw new ArgumentException($"group name '{name}' is not free: names that begin with '{ReservedGroups.Prefix}' are the project's own");
        if (settings.Count > MaxSettings)
            throw new ArgumentException($"{settings.Count} settings are too many");
        var block = new StringBuilder("settings {\n");
        foreach (var (key, value) in settings)
        {
            if (key.Length is 0 or > MaxValueLength || !key.All(c => char.IsAsciiLetterLower(c) || c == '-'))
                throw new ArgumentException($"'{key}' is not a setting: write such as commit=majority");
            if (value is null || value.Length is 0 or > MaxValueLength || !value.All(c => char.IsAsciiLetterOrDigit(c) || " .,-_".Contains(c, StringComparison.Ordinal)))
                throw new ArgumentException($"actors.groups.{name}.{key}: its value has other characters than letters, digits, spaces and . , - _");
            block.Append(key).Append(" = ").AppendLine(key == "members" ? $"[{string.Join(", ", value.Split(',').Select(node => $"\"{node.Trim()}\""))}]" : $"\"{value}\"");
        }

        var group = _options.GroupOf(name, ActorsBlock.ReadGroup(name, ConfigurationFactory.ParseString(block.Append('}').ToString()).GetValue("settings"), _stateMachines));
        if (group.Authority is ViewAuthority.Directory && !_options.Validated().Groups.Any(g => g.Id == GroupSettings.Directory))
            throw new ArgumentException($"group '{name}': a chain, and a group with authority = directory, needs the directory, which runs only where the configuration has such a group as well");
        return group;
    }
}
