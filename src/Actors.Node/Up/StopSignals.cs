using System.Runtime.InteropServices;

namespace Actors.Node.Up;

/// <summary>Ctrl-C, SIGTERM and the end of the terminal: the first one asks for an orderly stop, the second for one at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _first = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals() => _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken First => _first.Token;

    /// <summary>What every further one does.</summary>
    public Action? OnSecond { get; set; }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _first.Dispose();
    }

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (_first.IsCancellationRequested)
            OnSecond?.Invoke();
        else
            _first.Cancel();
    }
}
