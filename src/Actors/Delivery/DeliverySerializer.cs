using Actors.Wire;
using Akka.Actor;
using Akka.Serialization;

namespace Actors.Delivery;

/// <summary>Akka's door to <see cref="DeliveryCodec"/>; the manifest is the message's letter.</summary>
internal sealed class DeliverySerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Akka 1.6 takes the ids up to 80; 1000 and above are for libraries.</summary>
    public override int Identifier => 1641;

    public override string Manifest(object o) => DeliveryCodec.Manifest((DeliveryMessage)o);

    public override byte[] ToBinary(object obj) => DeliveryCodec.Encode((DeliveryMessage)obj);

    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return DeliveryCodec.Decode(manifest, bytes);
        }
        catch (MalformedException)
        {
            DeliveryMetrics.Refused("malformed");       // the remote transport writes the line
            throw;
        }
    }
}
