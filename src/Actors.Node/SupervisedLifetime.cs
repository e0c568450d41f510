using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Actors.Node;

/// <summary>The life of a node under <c>actors up</c>: it stops when its standard input ends.</summary>
/// <remarks>
/// Standard input is a pipe that the supervisor holds open and never writes to. The system closes it when the supervisor dies, by <c>kill -9</c>
/// too, so no node outlives it. Ctrl-C reaches all processes of a terminal at once; it is left to the supervisor, which stops the nodes then.
/// </remarks>
internal sealed class SupervisedLifetime : IHostLifetime, IDisposable
{
    private static readonly TimeSpan KillAfter = NodeHost.StopLimit * 2;

    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly IHostApplicationLifetime _application;

    public SupervisedLifetime(IHostApplicationLifetime application)
    {
        _application = application;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            application.StopApplication();
        });
    }

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        new Thread(StopWhenInputEnds) { IsBackground = true, Name = "supervisor" }.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }

    private void StopWhenInputEnds()
    {
        using (var input = Console.OpenStandardInput())
        {
            while (input.Read(new byte[1]) > 0)
            {
            }
        }

        _application.StopApplication();
        Thread.Sleep(KillAfter);    // whatever keeps it from stopping must not keep it alive: nobody is there to end it
        System.Diagnostics.Process.GetCurrentProcess().Kill();
    }
}
