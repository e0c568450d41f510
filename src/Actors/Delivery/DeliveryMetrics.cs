using System.Diagnostics.Metrics;

namespace Actors.Delivery;

/// <summary>What the links of this process do, as <c>System.Diagnostics.Metrics</c>.</summary>
internal static class DeliveryMetrics
{
    private static readonly Meter Meter = new("Actors");

    public static readonly Counter<long> Sent = Meter.CreateCounter<long>("actors.delivery.sent", "{message}", "Messages and chunks sent for the first time");
    public static readonly Counter<long> Resent = Meter.CreateCounter<long>("actors.delivery.resent", "{message}", "Copies sent again");
    public static readonly Counter<long> Needless = Meter.CreateCounter<long>("actors.delivery.resent.needless", "{message}", "Copies sent again although an earlier one had arrived, as far as it is known");
    public static readonly Counter<long> Overflowed = Meter.CreateCounter<long>("actors.delivery.overflowed", "{message}", "Messages dropped or refused because the sender's buffer was full");
    public static readonly UpDownCounter<long> Buffered = Meter.CreateUpDownCounter<long>("actors.delivery.buffered", "By", "Bytes held by senders until they are settled");
    public static readonly Counter<long> Arrived = Meter.CreateCounter<long>("actors.delivery.arrived", "{message}", "Messages and chunks that arrived for the first time");
    public static readonly Counter<long> Duplicates = Meter.CreateCounter<long>("actors.delivery.duplicates", "{message}", "Copies that had arrived before");
    public static readonly Counter<long> Redelivered = Meter.CreateCounter<long>("actors.delivery.redelivered", "{message}", "Messages given once more to a consumer that had not confirmed them");
    public static readonly Counter<long> DeadLettered = Meter.CreateCounter<long>("actors.delivery.dead_lettered", "{message}", "Messages that the consumer did not confirm, or that could not be read");
    public static readonly Histogram<double> RetransmitTimeout = Meter.CreateHistogram<double>("actors.delivery.retransmit.timeout", "s", "The learned time-out, each time that it expires");
    private static readonly Counter<long> RefusedMessages = Meter.CreateCounter<long>("actors.delivery.refused", "{message}", "Messages from producers or from the network that were refused, by reason");

    public static void Refused(string reason) => RefusedMessages.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
