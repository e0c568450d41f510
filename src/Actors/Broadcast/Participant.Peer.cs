using Actors.Membership;
using Actors.Timing;

namespace Actors.Broadcast;

/// <summary>The part that holds what is known of each other member.</summary>
internal abstract partial class Participant
{
    /// <summary>Another member, as this one sees it.</summary>
    protected sealed class Peer(NodeId node, int rank, TimeSpan minRetransmit)
    {
        public NodeId Node { get; } = node;

        /// <summary>Its bit in sets of members.</summary>
        public ulong Bit { get; } = 1UL << rank;

        /// <summary>Its latest life; 0 before the first is heard of.</summary>
        public long Incarnation { get; private set; }

        /// <summary>A membership event says that it is gone, and nothing has come from it since.</summary>
        public bool IsSuspected { get; set; }

        /// <summary>When it was said to be gone last, or to be back.</summary>
        public TimeSpan SuspectedAt { get; set; }

        /// <summary>When something came from it last.</summary>
        public TimeSpan HeardAt { get; set; }

        /// <summary>The highest number of a view that this life has spoken in.</summary>
        public long InView { get; set; }

        /// <summary>This life has said hello.</summary>
        public bool Met { get; set; }

        /// <summary>The number of the view that this life knows, as it said last; 0 for none.</summary>
        public long KnowsView { get; set; }

        /// <summary>With whom it would found the group, as it said last.</summary>
        public IReadOnlyList<ParticipantId> Founders { get; set; } = [];

        /// <summary>Total order: the last place that it has then.</summary>
        public LogPosition Last { get; set; }

        /// <summary>How long an answer of it may take.</summary>
        public RttEstimator RoundTrip { get; private set; } = new(minRetransmit, 4 * minRetransmit);

        /// <summary>Up to where it has the messages of each life.</summary>
        public Dictionary<ParticipantId, long> Has { get; } = [];

        /// <summary>When it was asked for something that it has not sent yet.</summary>
        public TimeSpan? AskedAt { get; set; }

        /// <summary>It is too slow: nobody waits for it until it has caught up.</summary>
        public bool IsCutOff { get; set; }

        public void Begin(long incarnation)
        {
            (Incarnation, InView, Met, KnowsView, Founders, AskedAt) = (incarnation, 0, false, 0, [], null);
            Has.Clear();
        }
    }
}
