using System.Buffers;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>A state machine that now and then takes long to answer a query, as a process does that is stopped in the middle of it.</summary>
/// <param name="machine">Answers.</param>
/// <param name="hesitation">How long before the next answer.</param>
/// <param name="block">Blocks the running actor.</param>
internal sealed class HesitantMachine(IStateMachine machine, Func<TimeSpan> hesitation, Action<TimeSpan> block) : IStateMachine
{
    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply) => machine.Apply(command, context, reply);

    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply)
    {
        machine.Query(query, state, reply);
        block(hesitation());
    }
}
