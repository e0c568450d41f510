using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Actors.Cluster.Tests;

/// <summary>Traces leave the nodes by OTLP: a collector gets the spans of one write from all three processes.</summary>
public sealed class TracingTests(ITestOutputHelper output)
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";

    [Fact]
    public async Task A_write_that_a_client_traces_reaches_the_collector_from_every_node_under_its_trace_id()
    {
        using var collector = new Collector();
        await RealCluster.WithAsync(output, async cluster =>
        {
            for (var i = 0; i < 3; i++)
                Assert.Equal(204, (await cluster["n2"].Http.PutAsync("k", "untraced")).Status);
            Assert.Equal(204, (await cluster["n2"].Http.PutAsync("k", "v", ("traceparent", $"00-{TraceId}-b7ad6b7169203331-01"))).Status);
            await RealCluster.UntilAsync("spans of three nodes", () => Task.FromResult(cluster.Nodes.All(node => collector.Has(node.Name, TraceId)) ? collector : null));
        }, settings: $"actors.telemetry {{ otlp = \"{collector.Url}\", share = 0 }}");
        // Nothing but the trace that was asked for.
        Assert.All(collector.Bodies, body => Assert.True(Collector.Contains(body, Convert.FromHexString(TraceId))));
    }

    /// <summary>Takes what is posted to it.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentQueue<byte[]> _bodies = [];

        public Collector()
        {
            Url = FormattableString.Invariant($"http://127.0.0.1:{Ports.FreeInARow(1)}/");
            _listener.Prefixes.Add(Url);
            _listener.Start();
            _ = ServeAsync();
        }

        public string Url { get; }

        public IReadOnlyCollection<byte[]> Bodies => _bodies;

        public bool Has(string node, string traceId) => _bodies.Any(body => Contains(body, Encoding.ASCII.GetBytes(node)) && Contains(body, Convert.FromHexString(traceId)));

        public static bool Contains(byte[] body, byte[] what) => body.AsSpan().IndexOf(what) >= 0;

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    using var body = new MemoryStream();
                    await context.Request.InputStream.CopyToAsync(body);
                    _bodies.Enqueue(body.ToArray());
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // closed
            }
        }
    }
}
