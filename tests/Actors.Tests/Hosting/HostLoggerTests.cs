using System.Collections.Concurrent;
using Actors.Hosting;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Event;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace Actors.Tests.HostingTests;

public sealed class HostLoggerTests : IDisposable
{
    private readonly Lines _lines = new();
    private readonly ActorSystem _system;

    public HostLoggerTests()
    {
        var factory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(_lines));
        _system = ActorSystem.Create("log", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(ReplicationHosting.NodeDefaults), new HostLoggerSetup(factory)));
    }

    [Fact]
    public void An_event_is_one_line_under_the_name_of_its_class()
    {
        Publish(new Info("replica", typeof(ReplicationOptions), "n1 is primary"));

        Assert.Equal("Information Actors.Hosting.ReplicationOptions: n1 is primary", _lines.Next());
    }

    [Fact]
    public void What_Akka_says_of_its_business_and_of_links_to_a_node_that_is_down_is_for_debugging()
    {
        Publish(new Info("cluster", typeof(ActorSystem), "Welcome"));
        Publish(new Warning(new TimeoutException(), "remoting", typeof(ActorSystem), "Tried to associate with unreachable remote address"));

        Assert.Equal("Debug Akka.Actor.ActorSystem: Welcome", _lines.Next());
        Assert.Equal("Debug Akka.Actor.ActorSystem: Tried to associate with unreachable remote address", _lines.Next());
    }

    [Fact]
    public void Other_warnings_and_errors_of_Akka_keep_their_level_and_cause()
    {
        Publish(new Warning("cluster", typeof(ActorSystem), "Marking node(s) as UNREACHABLE"));
        Publish(new Error(new TimeoutException("too late"), "remoting", typeof(ActorSystem), "failed"));

        Assert.Equal("Warning Akka.Actor.ActorSystem: Marking node(s) as UNREACHABLE", _lines.Next());
        Assert.Equal("Error Akka.Actor.ActorSystem: failed (too late)", _lines.Next());
    }

    public void Dispose()
    {
        _system.Dispose();
        _lines.Dispose();
    }

    private void Publish(LogEvent e) => _system.EventStream.Publish(e);

    /// <summary>Collects the log as lines.</summary>
    private sealed class Lines : ILoggerProvider
    {
        private readonly BlockingCollection<string> _written = [];

        public string Next() => _written.TryTake(out var line, TimeSpan.FromSeconds(10)) ? line : "nothing was logged";

        public ILogger CreateLogger(string categoryName) => new Logger(categoryName, _written);

        public void Dispose()
        {
        }

        private sealed class Logger(string category, BlockingCollection<string> written) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                written.Add($"{logLevel} {category}: {formatter(state, exception)}{(exception is null ? "" : $" ({exception.Message})")}");
        }
    }
}
