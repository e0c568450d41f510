using System.Collections.Concurrent;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Actors.Cluster.Tests;

/// <summary>Broadcast groups of real processes: <c>kill -9</c> of the sender in the middle of a thousand broadcasts.</summary>
public class BroadcastTests(ITestOutputHelper output)
{
    private const int Broadcasts = 1000;
    private const int AtATime = 16;
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData("reliable", "none", "direct")]
    [InlineData("reliable", "causal", "eager")]
    [InlineData("uniform", "fifo", "direct")]
    [InlineData("uniform", "total", "direct")]
    [InlineData("uniform", "total", "direct", "log")]
    public Task Kill_9_of_the_sender_in_the_middle_of_a_thousand_broadcasts_leaves_all_or_none_of_each(string reliability, string ordering, string dissemination, string orderedBy = "sequencer") =>
        RealCluster.WithAsync(
            output,
            async cluster =>
            {
                using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
                using var end = new CancellationTokenSource();
                var (two, three) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
                var listening = new[] { ListenAsync(http, cluster["n2"], two, end.Token), ListenAsync(http, cluster["n3"], three, end.Token) };

                var accepted = new ConcurrentBag<string>();
                var sending = Enumerable.Range(0, AtATime).Select(first => SendAsync(http, cluster["n1"], first, accepted)).ToArray();
                await RealCluster.UntilAsync("a third of the messages", () => Task.FromResult(two.Count > Broadcasts / 3 ? two : null));
                cluster["n1"].Kill();
                await Task.WhenAll(sending);
                // The survivors go on, and what they send comes after all that the dead one could leave behind.
                await UntilSettledAsync(two, three);
                var last = await PostAsync(http, cluster["n2"], "the last one");
                Assert.True(last, "a survivor could not broadcast");
                await RealCluster.UntilAsync("the last message at both", () => Task.FromResult(two.Contains("the last one") && three.Contains("the last one") ? two : null));
                await end.CancelAsync();
                await Task.WhenAll(listening);

                output.WriteLine($"{accepted.Count} were answered before the kill; {two.Count - 1} were delivered by the survivors");
                Assert.True(two.Count > Broadcasts / 3, $"{two.Count} were delivered");
                Assert.Equal(two.Distinct().Count(), two.Count);
                Assert.Equal(two.Order(), three.Order());
                if (reliability == "uniform")
                    Assert.Subset(two.ToHashSet(), accepted.ToHashSet());
                if (ordering == "total")
                    Assert.Equal(two, three);
            },
            settings: $"actors.broadcast.news {{ reliability = {reliability}, ordering = {ordering}, dissemination = {dissemination}, ordered-by = {orderedBy} }}");

    private static async Task SendAsync(HttpClient http, RealNode node, int first, ConcurrentBag<string> accepted)
    {
        for (var i = first; ; i += AtATime)     // also beyond a thousand when the kill comes late: it is to find a sender at work
        {
            if (await PostAsync(http, node, $"message {i}"))
                accepted.Add($"message {i}");
            else
                return;     // it was killed
        }
    }

    private static async Task<bool> PostAsync(HttpClient http, RealNode node, string text)
    {
        try
        {
            using var answer = await http.PostAsync(new Uri($"{node.Http.Url}/v1/broadcast/news"), new StringContent(text));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task ListenAsync(HttpClient http, RealNode node, ConcurrentQueue<string> texts, CancellationToken end)
    {
        try
        {
            await using var stream = await http.GetStreamAsync(new Uri($"{node.Http.Url}/v1/broadcast/news?after=0"), end);
            await foreach (var item in SseParser.Create(stream).EnumerateAsync(end))
            {
                using var json = JsonDocument.Parse(item.Data);
                texts.Enqueue(json.RootElement.GetProperty("text").GetString()!);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private static async Task UntilSettledAsync(params ConcurrentQueue<string>[] all)
    {
        int[] before;
        do
        {
            before = [.. all.Select(texts => texts.Count)];
            await Task.Delay(Settled);
        }
        while (!all.Select(texts => texts.Count).SequenceEqual(before));
    }
}
