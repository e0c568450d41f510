using Actors.Hosting;
using Actors.Hosting.Configuration;
using Actors.Membership;
using Actors.Node.Http;
using Akka.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Actors.Node;

/// <summary>Assembles a node from its configuration: replication by <c>Actors.Hosting</c>, as any application would, and the HTTP API over it.</summary>
internal static class NodeHost
{
    /// <summary>How long requests and the hand-over of leadership may take when the node stops.</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(8);

    /// <summary>Key-value replicas never wait for anything but the disk, so they run on the threads of the network; an application's own setting goes first.</summary>
    private static readonly Config Defaults = ConfigurationFactory.ParseString("""
        actors.replica-dispatcher.executor = "Actors.Wire.DirectExecutorConfigurator, Actors"
        """);

    /// <summary>The host of a node, ready to run.</summary>
    /// <param name="configFile">Its HOCON file.</param>
    /// <param name="supervised">True when another process supervises it: see <see cref="SupervisedLifetime"/>.</param>
    /// <exception cref="ConfigurationException">The configuration is not valid or a port is in use; one line.</exception>
    public static WebApplication Build(string configFile, bool supervised)
    {
        var config = ConfigFile.Load(configFile).WithFallback(Defaults);
        var options = ReplicationOptions.Read(config);
        var http = options.Http ?? throw new ConfigurationException("actors.http.port is missing: the TCP port for HTTP, such as 8081");
        var identity = options.LoadIdentity();
        if (!http.CanListen(out var error))
            throw new ConfigurationException($"actors.http.port = {http.Port}: cannot listen on {http}: {error}");

        // Nothing from the environment, appsettings files or the command line: the configuration file says it all.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        });
        if ("DEBUG".Equals(config.GetString("akka.loglevel"), StringComparison.OrdinalIgnoreCase))
            builder.Logging.SetMinimumLevel(LogLevel.Debug);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopLimit);
        if (supervised)
            builder.Services.AddSingleton<IHostLifetime, SupervisedLifetime>();
        builder.Services.AddReplicatedNode(config);
        builder.AddHttpApi(Describe(options, http), http.EndPoint, identity);
        if (options.Otlp is { } collector)
            builder.Services.AddSingleton(_ => Telemetry.CreateTracer(new NodeId(options.Node), collector, options.TraceShare));
        var app = builder.Build();
        _ = app.Services.GetService<OpenTelemetry.Trace.TracerProvider>();      // it records from here on
        app.UseHttpApi(identity?.Token);
        app.Lifetime.ApplicationStopping.Register(() => app.Logger.LogInformation("{Node} stops", options.Node));    // its log tells an orderly stop from a kill
        return app;
    }

    private static NodeInfo Describe(ReplicationOptions options, NodeAddress http) => new(
        new NodeId(options.Node),
        $"{(options.TlsFolder.Length == 0 ? "http" : "https")}://{http}",
        [.. options.Nodes.Keys.Select(name => new NodeId(name))],
        options.DataDirectory);
}
