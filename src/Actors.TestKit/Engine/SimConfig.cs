using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Actors.TestKit;

/// <summary>The configuration of a simulation's actor system: every dispatcher is the simulation's, whatever its name.</summary>
internal static class SimConfig
{
    private const string Assembly = "Actors.TestKit";

    private static readonly string[] DispatcherTypes = ["Dispatcher", "TaskDispatcher", "PinnedDispatcher", "ForkJoinDispatcher", "SynchronizedDispatcher"];

    /// <summary>What the engine needs, for Akka's own defaults.</summary>
    private static readonly Config Base = ConfigurationFactory.ParseString($$"""
        akka.scheduler.implementation = "{{typeof(SimScheduler).FullName}}, {{Assembly}}"
        akka.loggers = []
        akka.stdout-loglevel = OFF
        akka.log-dead-letters = off
        akka.coordinated-shutdown.run-by-clr-shutdown-hook = off
        akka.actor.default-mailbox.mailbox-type = "{{typeof(SimMailbox).FullName}}, {{Assembly}}"
        akka.actor.mailbox.unbounded-queue-based.mailbox-type = "{{typeof(SimMailbox).FullName}}, {{Assembly}}"
        akka.actor.mailbox.unbounded-deque-based.mailbox-type = "{{typeof(SimMailbox).FullName}}, {{Assembly}}"
        """).WithFallback(Dispatchers(ConfigurationFactory.Default()));

    public static Config For(SimulationOptions options)
    {
        var level = ConfigurationFactory.ParseString($"akka.loglevel = {options.LogLevel}");
        return options.Config.IsEmpty ? level.WithFallback(Base) : level.WithFallback(Dispatchers(options.Config)).WithFallback(Base).WithFallback(options.Config);
    }

    /// <summary>An override for each dispatcher in <paramref name="config"/>.</summary>
    private static Config Dispatchers(Config config)
    {
        var overrides = new List<string>();
        if (!config.IsEmpty && config.Root.IsObject())
            Collect("", config.Root.GetObject(), overrides);
        return ConfigurationFactory.ParseString(string.Join('\n', overrides));
    }

    private static void Collect(string path, HoconObject node, List<string> overrides)
    {
        foreach (var (key, value) in node.Items)
        {
            var name = path.Length == 0 ? $"\"{key}\"" : $"{path}.\"{key}\"";
            if (value.IsObject())
                Collect(name, value.GetObject(), overrides);
            else if (key == "type" && value.IsString() && (DispatcherTypes.Contains(value.GetString()) || path.EndsWith("dispatcher\"", StringComparison.Ordinal)))
                overrides.Add($"{name} = \"{typeof(SimDispatcherConfigurator).FullName}, {Assembly}\"");
        }
    }
}
