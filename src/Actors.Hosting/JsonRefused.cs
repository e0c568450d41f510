using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace Actors.Hosting;

/// <summary>Takes the place of Akka's JSON serializer and refuses: a type that no codec knows neither leaves this node nor is made from what arrives.</summary>
/// <remarks>
/// Akka picks the reader of a message by the serializer id on the wire, and under id 1 stands JSON that names the types to be created: whoever
/// reaches the port can run code. <c>allow-unregistered-types = off</c> alone stops only the sending. Put in force by <c>akka.actor.serializers.json</c>.
/// </remarks>
internal sealed class JsonRefused : Serializer
{
    /// <summary>Made by Akka, with the settings of its JSON serializer.</summary>
    public JsonRefused(ExtendedActorSystem system, Config settings) : base(system) => _ = settings;

    /// <summary>The id of Akka's JSON serializer.</summary>
    public override int Identifier => 1;

    /// <summary>False: the type names stand in the JSON.</summary>
    public override bool IncludeManifest => false;

    /// <summary>Refuses.</summary>
    /// <exception cref="SerializationException">Always.</exception>
    public override byte[] ToBinary(object obj) =>
        throw new SerializationException($"no serializer is bound to {obj?.GetType().FullName}, and JSON with type names is not sent: bind one in akka.actor.serialization-bindings");

    /// <summary>Refuses.</summary>
    /// <exception cref="SerializationException">Always.</exception>
    public override object FromBinary(byte[] bytes, Type type) =>
        throw new SerializationException($"a message of {bytes?.Length} bytes in JSON with type names (serializer 1) is refused");
}
