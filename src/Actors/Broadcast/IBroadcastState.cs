namespace Actors.Broadcast;

/// <summary>What an application makes of the messages of a group, on one member. The user's own code.</summary>
/// <remarks>
/// With it, a member that comes late or was cut off gets the state of another member in place of the messages that are forgotten, and goes on from there. Called by the
/// participant, one call at a time: an implementation must be quick, must not wait, and is read by the application's other threads at its own risk. When it throws, the
/// participant begins a new life with a new one.
/// </remarks>
public interface IBroadcastState
{
    /// <summary>Takes in a message, before listeners hear of it.</summary>
    /// <param name="message">In the order of the group; never one that marks what was missed.</param>
    void Apply(Delivered message);

    /// <summary>All that the messages so far have led to, for another member; at most <see cref="BroadcastSettings.MaxBufferedBytes"/>.</summary>
    ReadOnlyMemory<byte> Save();

    /// <summary>Takes what another member has saved in place of all that is here. What this member had delivered and the other one had not is applied once more, after it.</summary>
    void Load(ReadOnlyMemory<byte> state);
}
