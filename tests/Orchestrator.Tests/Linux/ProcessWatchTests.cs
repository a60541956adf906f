using System.Diagnostics;
using System.Runtime.InteropServices;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Linux;

public sealed class ProcessWatchTests
{
    [DllImport("libc")] private static extern int dup(int descriptor);
    [DllImport("libc")] private static extern int close(int descriptor);

    /// <summary>A child between fork and exec holds copies of all descriptors: for that moment they stay in the epoll set after we closed ours.</summary>
    [Fact]
    public async Task A_descriptor_that_somebody_else_holds_too_ends_once()
    {
        using var watch = new ProcessWatch();
        using var first = Process.Start("sleep", "1000");
        using var second = Process.Start("sleep", "1000");
        var pidFd = Processes.OpenPidFd(first.Id);
        var copy = dup((int)pidFd.DangerousGetHandle());
        var ended = watch.WhenEnded(pidFd);
        first.Kill();
        await ended.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        var other = watch.WhenEnded(Processes.OpenPidFd(second.Id));
        Assert.False(other.IsCompleted);
        second.Kill();
        await other.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        _ = close(copy);
    }
}
