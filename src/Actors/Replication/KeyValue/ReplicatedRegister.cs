using Actors.Membership;
using Actors.Replication.Client;
using Akka.Actor;

namespace Actors.Replication.KeyValue;

/// <summary>The registers that a replicated group of the project's own keeps: a key of a <see cref="KeyValueMachine"/> for each.</summary>
/// <param name="node">The node's actor.</param>
internal sealed class ReplicatedRegister(IActorRef node) : IRegister
{
    private static readonly GroupId Group = new($"{ReservedGroups.Prefix}views");
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The replicated group, on <paramref name="members"/>.</summary>
    public static GroupSettings GroupOn(IReadOnlyList<NodeId> members) => new()
    {
        Id = Group,
        InitialMembers = members,
        Commit = CommitRule.Majority,
        MinInView = 1,
        StateMachine = () => new KeyValueMachine(),
    };

    public void Read(GroupId name, Action<(long Revision, ReadOnlyMemory<byte> Value)?> complete)
    {
        var query = KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = KeyOf(name) });
        Client(new Query(query, ReadMode.Linearizable, ReadTimeout, reply =>
        {
            var read = KeyValueResult.From(reply, Outcome.Failed, r => new GetResult(r), KeyValueCodec.ReadGetReply);
            complete(read.Outcome is not Outcome.Ok ? null : read.Found ? (read.Revision, read.Value) : (0, default));
        }));
    }

    public void Write(GroupId name, long revision, ReadOnlyMemory<byte> value, Action<RegisterOutcome, string> complete)
    {
        var command = KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Put, Key = KeyOf(name), Condition = Precondition.IfRevision(revision), Value = value.Span });
        Client(new Submit(command, default, null, reply =>
        {
            var written = KeyValueResult.From(reply, Outcome.Unknown, r => new WriteResult(r), KeyValueCodec.ReadWriteReply);
            complete(
                written.Changed ? RegisterOutcome.Written
                : written.Outcome is Outcome.Unknown ? RegisterOutcome.Unknown
                : RegisterOutcome.TooLate,
                written.Error);
        }));
    }

    private void Client(object message) => node.Tell(new ForClient(Group, message), ActorRefs.NoSender);

    private static byte[] KeyOf(GroupId name) => System.Text.Encoding.ASCII.GetBytes(name.Value);
}
