using Akka.Actor;
using Akka.Serialization;

namespace Actors.Replication;

/// <summary>Akka's door to <see cref="ReplicationCodec"/>; the manifest is the message's letter.</summary>
internal sealed class ReplicationSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Akka 1.6 takes the ids up to 80; 1000 and above are for libraries.</summary>
    public override int Identifier => 1640;

    public override string Manifest(object o) => ReplicationCodec.Manifest((ReplicationMessage)o);

    public override byte[] ToBinary(object obj) => ReplicationCodec.Encode((ReplicationMessage)obj);

    public override object FromBinary(byte[] bytes, string manifest) => ReplicationCodec.Decode(manifest, bytes);
}
