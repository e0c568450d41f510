using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;

namespace Actors.GroupDirectory;

/// <summary>The directory as a replica asks it: through its node's client of the directory's group.</summary>
/// <param name="client">Passes a message to that client.</param>
internal sealed class DirectoryClient(Action<object> client) : IViewAuthority
{
    public void Ask(AuthorityRequest request, TimeSpan timeout, Action<AuthorityReply> complete)
    {
        var bytes = DirectoryCodec.Write(request);
        Action<GroupReply> done = reply => complete(Reply(reply));
        client(request is ReadRecord ? new Query(bytes, ReadMode.Barrier, timeout, done) : new Submit(bytes, default, timeout, done));
    }

    public void Ask(ReadEpochs request, TimeSpan timeout, Action<IReadOnlyList<Epoch>?> complete)
        => client(new Query(DirectoryCodec.Write(request), ReadMode.Barrier, timeout, reply => complete(reply.Outcome is Outcome.Ok ? DirectoryCodec.Epochs(reply.Payload) : null)));

    private static AuthorityReply Reply(in GroupReply reply)
        => reply.Outcome is Outcome.Ok ? new AuthorityReply(DirectoryCodec.Record(reply.Payload), "") : new AuthorityReply(null, reply.Error.Length > 0 ? reply.Error : $"{reply.Outcome}");
}
