using Akka;
using Akka.Actor;
using Akka.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Actors.Hosting;

/// <summary>Keeps this node alive when a connection that it opens ends in the TLS handshake.</summary>
/// <remarks>
/// Akka.Remote takes that for a misconfiguration of its own and ends the actor system (akka.net#7839). But whoever sits at the address of a node that is down could end all
/// others so, and a node that is killed while it shakes hands would. So the shutdown that Akka begins then waits in a phase before all others until the host stops.
/// </remarks>
internal static class RefusedPeers
{
    /// <summary>The phase, which <c>reference.conf</c> puts before the others.</summary>
    private const string Phase = "actors-wait-for-host";

    /// <summary>The name of Akka's type, which is not public.</summary>
    private const string Reason = "TlsHandshakeFailureReason";

    public static void Survive(ExtendedActorSystem system)
    {
        var shutdown = CoordinatedShutdown.Get(system);
        var host = DependencyResolver.For(system).Resolver.GetService<IHostApplicationLifetime>();
        shutdown.AddTask(Phase, "refused-peers", async () =>
        {
            if (shutdown.ShutdownReason?.GetType().Name == Reason && host is not null)
                await Task.Delay(Timeout.Infinite, host.ApplicationStopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return Done.Instance;
        });
    }
}
