namespace Actors.TestKit;

/// <summary>What an object does when one client after the other uses it.</summary>
/// <typeparam name="TState">Its state: immutable, with equality by value.</typeparam>
/// <typeparam name="TOperation">What clients ask.</typeparam>
/// <typeparam name="TResult">What they are told.</typeparam>
public interface ISequentialModel<TState, TOperation, TResult>
    where TState : notnull
{
    /// <summary>The state before the first operation.</summary>
    TState Initial { get; }

    /// <summary>The part of the object that an operation touches; operations on different parts must be independent. Each part has its own state.</summary>
    string KeyOf(TOperation operation);

    /// <summary>The state after <paramref name="operation"/>, and what its client is told.</summary>
    (TState Next, TResult Result) Apply(TState state, TOperation operation);

    /// <summary>True when a client that expects <paramref name="expected"/> may be told <paramref name="actual"/>: equality, unless a model says otherwise.</summary>
    bool Agrees(TResult expected, TResult actual) => EqualityComparer<TResult>.Default.Equals(expected, actual);
}
