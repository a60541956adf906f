using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Xunit;

namespace Orchestrator.Tests.Linux.Tapes;

public sealed class LauncherTests
{
    private static readonly Argument s_here = Argument.Named(FileSystem.CurrentDirectory, "AT_FDCWD");

    [Fact]
    public void A_child_runs_its_steps_and_uses_their_results()
    {
        using var pipe = FileDescriptors.CreatePipe();
        var tape = new Tape();
        var file = tape.Add("", Syscall.openat, s_here, "/proc/self/comm", 0, 0);
        var text = new byte[2];
        tape.Add("", Syscall.read, file, Argument.Of(text, "buffer"), 2);
        tape.Add("", Syscall.write, pipe.Writer.Number(), Argument.Of("ok"u8.ToArray(), "ok"), 2);
        tape.Add("", Syscall.exit, 7);
        var status = Run(tape);
        pipe.Writer.Dispose();
        Assert.Equal(new ExitStatus(7, 0), status);
        Assert.Equal("ok", ReadAll(pipe.Reader.Number()));
    }

    [Fact]
    public void A_tolerated_failure_goes_where_it_was_told_and_success_too()
    {
        var tape = new Tape();
        var missing = tape.Add("", Syscall.openat, s_here, "/no/such", 0, 0);
        tape.Add("", Syscall.exit, 1);
        missing.OnError(tape.End, Errno.EACCES, Errno.ENOENT);
        var present = tape.Add("", Syscall.openat, s_here, "/proc", 0, 0);
        tape.Add("", Syscall.exit, 2);
        present.Next = tape.End;
        tape.Add("", Syscall.exit, 3);
        Assert.Equal(3, Run(tape).Code);
    }

    [Fact]
    public void A_failure_is_reported_by_its_step_and_errno()
    {
        using var pipe = FileDescriptors.CreatePipe();
        var tape = new Tape();
        tape.Add("", Syscall.setsid);
        tape.Add("field", Syscall.openat, s_here, "/no/such", 0, 0);
        using var child = Launcher.Launch(tape, pipe.Writer.Number(), new CloneOptions());
        pipe.Writer.Dispose();
        Assert.Equal(new TapeFailure(1, Errno.ENOENT), Launcher.ReadFailure(pipe.Reader.Number()));
        Assert.Equal(127, Processes.Reap(child.PidFd).Code);
    }

    [Fact]
    public void A_program_that_starts_closes_the_error_pipe()
    {
        using var pipe = FileDescriptors.CreatePipe();
        var tape = new Tape();
        tape.Add("", Syscall.execve, "/bin/true", Argument.Of(["true"]), Argument.Of([]));
        using var child = Launcher.Launch(tape, pipe.Writer.Number(), new CloneOptions());
        pipe.Writer.Dispose();
        Assert.Null(Launcher.ReadFailure(pipe.Reader.Number()));
        Assert.Equal(0, Processes.Reap(child.PidFd).Code);
    }

    /// <summary>Managed code in the child hangs here in one launch of twelve: it waits for a collector that the child does not have.</summary>
    [Fact]
    public void Children_start_while_other_threads_collect_garbage()
    {
        using var stop = new CancellationTokenSource();
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
                GC.KeepAlive(Enumerable.Range(0, 1000).Select(i => new byte[100]).ToList());
        })).ToList();
        threads.ForEach(t => t.Start());
        var tape = new Tape();
        tape.Add("", Syscall.exit, 0);
        for (var i = 0; i < 100; i++)
        {
            using var child = Launcher.Launch(tape, -1, new CloneOptions());
            Assert.True(Processes.WaitForExit(child.PidFd, 10_000));
            Assert.Equal(0, Processes.Reap(child.PidFd).Code);
        }
        stop.Cancel();
        threads.ForEach(t => t.Join());
    }

    private static ExitStatus Run(Tape tape)
    {
        using var child = Launcher.Launch(tape, -1, new CloneOptions());
        return Processes.Reap(child.PidFd);
    }

    private static string ReadAll(int fd)
    {
        var buffer = new byte[64];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, FileDescriptors.Read(fd, buffer));
    }
}
