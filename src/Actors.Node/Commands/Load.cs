using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>Writes the lines of a stream, several at a time, and counts how they ended.</summary>
/// <remarks>
/// A line is sent again until it is acknowledged: writing the same value twice does no harm, so no tokens are spent. When one is not
/// acknowledged within its time, the load stops there instead of trying every further line for as long.
/// </remarks>
internal sealed class Load(ClientContext context, TimeSpan retryFor) : IDisposable
{
    private const int MaxComplaints = 10;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly Stopwatch _time = Stopwatch.StartNew();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly List<string> _complaints = [];
    private long _acknowledged;
    private long _refused;
    private long _notAcknowledged;

    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Lines that no node would accept, for example because they are too long.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Lines that were sent and not acknowledged in time.</summary>
    public long NotAcknowledged => Volatile.Read(ref _notAcknowledged);

    /// <summary>Acknowledged lines per second.</summary>
    public double Rate => Acknowledged / Math.Max(_time.Elapsed.TotalSeconds, 0.001);

    /// <summary>Why lines failed; the first ten.</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    public string Summary => string.Create(CultureInfo.InvariantCulture, $"{Acknowledged} lines acknowledged in {_time.Elapsed.TotalSeconds:F1} s, {Rate:F0}/s")
        + (Refused > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {Refused} refused") : "")
        + (NotAcknowledged > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {NotAcknowledged} not acknowledged, and the lines after them not sent") : "");

    public async Task RunAsync(Stream lines, int parallel)
    {
        var queue = Channel.CreateBounded<(long Number, byte[] Line)>(parallel);
        var workers = Enumerable.Range(0, parallel).Select(_ => WorkAsync(queue.Reader)).ToArray();
        try
        {
            await ReadAsync(lines, queue.Writer);
        }
        catch (OperationCanceledException)
        {
            // A line failed for good; those on their way are still waited for.
        }

        queue.Writer.Complete();
        await Task.WhenAll(workers);
        _time.Stop();
    }

    public void Dispose() => _giveUp.Dispose();

    private async Task ReadAsync(Stream stream, ChannelWriter<(long, byte[])> queue)
    {
        var reader = PipeReader.Create(stream);
        for (long number = 0; ;)
        {
            var read = await reader.ReadAsync(_giveUp.Token);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                await EnqueueAsync(++number, rest.Slice(0, end));
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (read.IsCompleted)
            {
                await EnqueueAsync(++number, rest);
                return;
            }

            reader.AdvanceTo(rest.Start, rest.End);
        }

        async ValueTask EnqueueAsync(long number, ReadOnlySequence<byte> line)
        {
            var bytes = line.ToArray();
            if (bytes is [.., (byte)'\r'])
                bytes = bytes[..^1];
            if (bytes.Length > 0)
                await queue.WriteAsync((number, bytes), _giveUp.Token);
        }
    }

    private async Task WorkAsync(ChannelReader<(long Number, byte[] Line)> queue)
    {
        await foreach (var (number, line) in queue.ReadAllAsync())
        {
            if (_giveUp.IsCancellationRequested)
                return;
            var path = $"/v1/groups/{context.Group}/keys/{RequestTarget.Encode(line)}";
            await PutAsync(number, path, Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private async Task PutAsync(long number, string path, byte[] value)
    {
        var started = Stopwatch.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var failure = await TryAsync(path, value);
            if (failure is null)
            {
                Interlocked.Increment(ref _acknowledged);
                return;
            }

            if (failure.ExitCode != ExitCode.Unavailable)
            {
                Interlocked.Increment(ref _refused);
                Complain(number, failure);
                return;
            }

            if (Stopwatch.GetElapsedTime(started) + pause > retryFor)
            {
                Interlocked.Increment(ref _notAcknowledged);
                Complain(number, failure);
                await _giveUp.CancelAsync();
                return;
            }

            await Task.Delay(pause);
        }
    }

    private async Task<CommandException?> TryAsync(string path, byte[] value)
    {
        try
        {
            var answer = await context.Client.SendAsync(path, target => new HttpRequestMessage(HttpMethod.Put, target) { Content = new ByteArrayContent(value) });
            return answer.IsOk ? null : answer.ToException();
        }
        catch (CommandException e)
        {
            return e;
        }
    }

    private void Complain(long number, CommandException failure)
    {
        lock (_complaints)
        {
            if (_complaints.Count < MaxComplaints)
                _complaints.Add(string.Create(CultureInfo.InvariantCulture, $"line {number}: {failure.Message}"));
        }
    }
}
