using System.Diagnostics;
using Actors.Membership;
using Akka.Actor;

namespace Actors.Replication.Client;

/// <summary>Local → client: submit a command, or an operation. <paramref name="Complete"/> is called once, on the client's thread: it must only pass the reply on.</summary>
internal sealed record Submit(ReadOnlyMemory<byte> Command, ReadOnlyMemory<byte> Token, TimeSpan? Timeout, Action<GroupReply> Complete, bool IsOperation = false)
    : INoSerializationVerificationNeeded
{
    /// <summary>The caller's span, for whoever records it.</summary>
    public ActivityContext Trace { get; init; }
}

/// <summary>Local → client: ask a query.</summary>
internal sealed record Query(ReadOnlyMemory<byte> Content, ReadMode Mode, TimeSpan? Timeout, Action<GroupReply> Complete) : INoSerializationVerificationNeeded;

/// <summary>Local → client: ask all replicas what they are; completes with those that answered in time.</summary>
internal sealed record CollectStatus(TimeSpan Timeout, Action<IReadOnlyList<ReplicaStatus>> Complete) : INoSerializationVerificationNeeded;

/// <summary>Local → client: ask <paramref name="Primary"/> to hand over; completes with its refusal, empty when it began.</summary>
internal sealed record Transfer(NodeId Primary, NodeId Target, Action<string> Complete) : INoSerializationVerificationNeeded;

/// <summary>Local → client: ask <paramref name="Primary"/> to take <paramref name="Node"/> in, or to do without it; completes with its refusal, empty when that is committed.</summary>
internal sealed record ChangeMembers(NodeId Primary, NodeId Node, bool Join, Action<string> Complete) : INoSerializationVerificationNeeded;

/// <summary>One request on its way through a client.</summary>
internal sealed class Call(RequestKind kind, ReadOnlyMemory<byte> token, ReadOnlyMemory<byte> payload, TimeSpan deadline, Action<GroupReply> complete)
{
    private bool _lastIsOpen;           // no replica has refused the last copy
    private List<long>? _earlierOpen;   // the messages of earlier copies that none has refused; there are rarely any

    public RequestKind Kind { get; } = kind;

    /// <summary>True for what is applied within a session.</summary>
    public bool IsOrdered => Kind is RequestKind.Command or RequestKind.Operation;

    public ReadOnlyMemory<byte> Token { get; } = token;

    public ReadOnlyMemory<byte> Payload { get; } = payload;

    public TimeSpan Deadline { get; } = deadline;

    public Action<GroupReply> Complete { get; } = complete;

    /// <summary>The caller's span.</summary>
    public ActivityContext Trace { get; init; }

    public LogPosition Session { get; set; }

    public long Sequence { get; set; }

    public int Bytes => Token.Length + Payload.Length + 32;

    /// <summary>The message that carried the last copy; 0 before the first.</summary>
    public long Number { get; private set; }

    /// <summary>Copies sent in all.</summary>
    public int Sends { get; private set; }

    /// <summary>Copies that no replica has refused: as many may have been ordered.</summary>
    public int Open => (_lastIsOpen ? 1 : 0) + (_earlierOpen?.Count ?? 0);

    public TimeSpan SentAt { get; private set; }

    public TimeSpan RetryAt { get; set; }

    /// <summary>A stale read that its own node's replica cannot answer.</summary>
    public bool AwayFromHome { get; set; }

    public void Sent(long number, TimeSpan now, TimeSpan retryAt)
    {
        if (_lastIsOpen)
            (_earlierOpen ??= []).Add(Number);
        (Number, SentAt, RetryAt, _lastIsOpen) = (number, now, retryAt, true);
        Sends++;
    }

    /// <summary>A replica says that it did not order the copy in message <paramref name="number"/>; false when it has said so before, or got none.</summary>
    public bool Refused(long number)
    {
        if (number != Number)
            return _earlierOpen?.Remove(number) ?? false;
        var wasOpen = _lastIsOpen;
        _lastIsOpen = false;
        return wasOpen;
    }
}
