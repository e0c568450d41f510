using Actors.Delivery;

namespace Actors.Tests.DeliveryTests;

public sealed class DeliverySettingsTests
{
    [Fact]
    public void The_defaults_are_valid() => new DeliverySettings().Validated();

    [Fact]
    public void What_is_wrong_is_one_line_with_the_setting_and_what_would_be_right()
    {
        Refused(s => s with { Guarantee = Guarantee.EffectivelyOnce }, "EffectivelyOnce needs Level Processed, is Delivered");
        Refused(s => s with { Guarantee = (Guarantee)9 }, "Guarantee 9 is unknown: AtMostOnce, AtLeastOnce or EffectivelyOnce");
        Refused(s => s with { Level = 0 }, "Level 0 is unknown");
        Refused(s => s with { Overflow = 0 }, "Overflow 0 is unknown");
        Refused(s => s with { WindowMessages = 100 }, "WindowMessages must be a power of two from 64 to 65536, is 100");
        Refused(s => s with { MaxMessageBytes = 0 }, "MaxMessageBytes must be above 0, is 0");
        Refused(s => s with { ChunkBytes = 1 << 20 }, "ChunkBytes must be from 16 to 49152");
        Refused(s => s with { ChunkBytes = 16 }, "MaxMessageBytes (1048576) in chunks of ChunkBytes (16) must fit WindowMessages (1024)");
        Refused(s => s with { WindowBytes = 1 << 20 }, "WindowBytes must be at least four times MaxMessageBytes (1048576)");
        Refused(s => s with { MaxBuffered = 1 }, "MaxBuffered must be at least the 22 chunks of a message");
        Refused(s => s with { MaxBufferedBytes = 1 }, "MaxBufferedBytes must be at least four times");
        Refused(s => s with { MinRetransmit = TimeSpan.Zero }, "MinRetransmit must be at least 1 ms");
        Refused(s => s with { MaxRetransmit = TimeSpan.FromMilliseconds(5) }, "MaxRetransmit must be at least MinRetransmit (20 ms)");
        Refused(s => s with { InitialRetransmit = TimeSpan.FromMinutes(1) }, "InitialRetransmit must be from MinRetransmit to MaxRetransmit");
        Refused(s => s with { ConsumerWindow = 0 }, "ConsumerWindow must be at least 1, is 0");
        Refused(s => s with { ConsumerTimeout = TimeSpan.Zero }, "ConsumerTimeout must be above 0");
        Refused(s => s with { MaxDeliveries = 0 }, "MaxDeliveries must be above 0");
        Refused(s => s with { MaxSenders = 0 }, "MaxSenders must be above 0");
        Refused(s => s with { ForgetAfter = TimeSpan.Zero }, "ForgetAfter must be above 0");
        Refused(s => s with { MaxReceiverBytes = 1 }, "MaxReceiverBytes must be at least WindowBytes");
    }

    private static void Refused(Func<DeliverySettings, DeliverySettings> change, string line)
    {
        var message = Assert.Throws<ArgumentException>(() => change(new DeliverySettings()).Validated()).Message;
        Assert.StartsWith($"delivery: {line}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
