using System.Text.RegularExpressions;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Dispatch;
using Akka.Event;
using Microsoft.Extensions.Logging;
using HostLevel = Microsoft.Extensions.Logging.LogLevel;
using LogLevel = Akka.Event.LogLevel;

namespace Actors.Hosting;

/// <summary>The host's logging, for <see cref="HostLogger"/>.</summary>
internal sealed class HostLoggerSetup(ILoggerFactory factory) : Setup
{
    public ILoggerFactory Factory { get; } = factory;
}

/// <summary>Passes Akka's log to the host's, one line per event, under the name of the class that wrote it.</summary>
/// <remarks>
/// Akka.Hosting's own logger writes all under one name and knows no filter. Here what Akka itself has to say of its business goes to Debug, and so does
/// what Akka.Remote says at each attempt to reach a node that is down: <see cref="MembershipHints"/> says once that it is. Warnings and errors stay what they are.
/// </remarks>
internal sealed partial class HostLogger : UntypedActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private readonly ILoggerFactory _factory = Context.System.Settings.Setup.Get<HostLoggerSetup>().Value.Factory;
    private readonly Dictionary<Type, ILogger> _loggers = [];

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case InitializeLogger: Sender.Tell(new LoggerInitialized()); break;
            case LogEvent e: Write(e); break;
            default: Unhandled(message); break;
        }
    }

    private void Write(LogEvent e)
    {
        if (!_loggers.TryGetValue(e.LogClass, out var logger))
            _loggers[e.LogClass] = logger = _factory.CreateLogger(e.LogClass);
        var text = e.Message.ToString() ?? "";
        var level = Level(e);
        if (IsAkka(e.LogClass) && (level is HostLevel.Information || LinkNoise().IsMatch(text)))
            level = HostLevel.Debug;
        logger.Log(level, default, text, level is HostLevel.Debug ? null : e.Cause, (line, _) => line);
    }

    private static bool IsAkka(Type type) => type.Namespace is { } name && (name == "Akka" || name.StartsWith("Akka.", StringComparison.Ordinal));

    private static HostLevel Level(LogEvent e) => e.LogLevel() switch
    {
        LogLevel.DebugLevel => HostLevel.Debug,
        LogLevel.InfoLevel => HostLevel.Information,
        LogLevel.WarningLevel => HostLevel.Warning,
        _ => HostLevel.Error,
    };

    [GeneratedRegex("^(AssociationError|Association with remote system|Tried to associate with|Disassociated|Couldn't join seed nodes|TLS handshake failed|Rejected incoming connection)")]
    private static partial Regex LinkNoise();
}

/// <summary>Takes what Akka writes past its loggers, before they start and after they end; a failure to start is thrown as well.</summary>
internal sealed class SilentLogger : MinimalLogger
{
    protected override void Log(object message)
    {
    }
}
