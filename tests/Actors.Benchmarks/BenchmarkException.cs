namespace Actors.Benchmarks;

/// <summary>The measurement cannot go on; the message is one line for the user.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
