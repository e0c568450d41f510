using Actors.Membership;
using Microsoft.AspNetCore.Builder;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Actors.Node.Http;

/// <summary><c>GET /metrics</c>: the instruments of this project, of the server and of the runtime, as Prometheus reads them. And traces, where a collector is named.</summary>
internal static class Telemetry
{
    /// <summary>From a tenth of a millisecond, a fast synced write, to ten seconds, the default request time-out.</summary>
    private static readonly double[] SecondsBuckets = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

    public static MeterProvider CreateProvider(NodeInfo node) => Sdk.CreateMeterProviderBuilder()
        .ConfigureResource(resource => resource.AddService("actors", serviceInstanceId: node.Name.Value))
        .AddMeter("Actors", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
        .AddView(instrument => instrument.Unit == "s" ? new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBuckets } : null)
        .AddPrometheusExporter()
        .Build();

    /// <summary>Traces to a collector: all that a client has begun and records, and <paramref name="share"/> of the others.</summary>
    public static TracerProvider CreateTracer(NodeId node, Uri collector, double share) => Sdk.CreateTracerProviderBuilder()
        .ConfigureResource(resource => resource.AddService("actors", serviceInstanceId: node.Value))
        .AddSource("Actors", "Microsoft.AspNetCore")
        .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(share)))
        .AddOtlpExporter(otlp =>
        {
            otlp.Protocol = OtlpExportProtocol.HttpProtobuf;
            otlp.Endpoint = new Uri(collector, "/v1/traces");
        })
        .Build();

    public static void MapMetrics(this WebApplication app, MeterProvider provider) =>
        app.MapPrometheusScrapingEndpoint("/metrics", provider, configureBranchedPipeline: null, optionsName: null);
}
