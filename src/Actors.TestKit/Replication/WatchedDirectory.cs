using System.Buffers;
using Actors.GroupDirectory;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>The shipped directory, watched: each replica of it shows every record that it comes to, and by what request, those that it applies again after a crash too.</summary>
internal sealed class WatchedDirectory(Action<AuthorityRequest, GroupRecord> observer) : IStateMachine
{
    private readonly DirectoryMachine _machine = new();

    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
    {
        var answer = new ArrayBufferWriter<byte>(512);
        _machine.Apply(command, context, answer);
        reply.Write(answer.WrittenSpan);
        if (DirectoryCodec.Record(answer.WrittenMemory) is { } record)
            observer(DirectoryCodec.ReadRequest(command.ToArray()), record);
    }

    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply) => _machine.Query(query, state, reply);
}
