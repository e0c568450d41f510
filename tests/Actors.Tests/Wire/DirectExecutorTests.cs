using Actors.Wire;
using Akka.Dispatch;

namespace Actors.Tests.WireTests;

public sealed class DirectExecutorTests
{
    private readonly DirectExecutor _executor = new("direct");

    [Fact]
    public void It_runs_on_the_thread_that_asks_for_it()
    {
        var thread = 0;
        Execute(() => thread = Environment.CurrentManagedThreadId);
        Assert.Equal(Environment.CurrentManagedThreadId, thread);
    }

    [Fact]
    public void What_is_asked_for_during_a_run_is_run_after_it_in_order()
    {
        var seen = new List<string>();
        Execute(() =>
        {
            Execute(() => seen.Add("second"));
            Execute(() => seen.Add("third"));
            seen.Add("first");
        });
        Assert.Equal(["first", "second", "third"], seen);
    }

    [Fact]
    public void Two_dispatchers_share_the_turns_of_a_thread()
    {
        var other = new DirectExecutor("other");
        var seen = new List<string>();
        Execute(() =>
        {
            other.Execute(new Work(() => seen.Add("second")));
            seen.Add("first");
        });
        Assert.Equal(["first", "second"], seen);
    }

    [Fact]
    public async Task A_thread_gives_the_rest_to_the_pool_after_64_turns()
    {
        var (thread, done) = (Environment.CurrentManagedThreadId, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var (mine, left) = (0, 1000);
        void Again()
        {
            if (Environment.CurrentManagedThreadId == thread)
                mine++;
            if (--left > 0)
                Execute(Again);
            else
                done.SetResult();
        }

        Execute(Again);
        Assert.Equal(64, mine);
        await done.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task What_waits_behind_a_run_that_throws_is_run_all_the_same()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.Throws<InvalidOperationException>(() => Execute(() =>
        {
            Execute(done.SetResult);
            throw new InvalidOperationException();
        }));
        await done.Task.WaitAsync(TimeSpan.FromSeconds(10));

        var ran = false;
        Execute(() => ran = true);
        Assert.True(ran);
    }

    private void Execute(Action run) => _executor.Execute(new Work(run));

    private sealed class Work(Action run) : IRunnable
    {
        public void Run() => run();

        public void Execute() => run();
    }
}
