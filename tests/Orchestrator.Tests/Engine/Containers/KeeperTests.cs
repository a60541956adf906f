using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Engine.Containers;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

/// <summary>What the keeper is for: engines end, keepers are upgraded or killed, and no container, line or exit code is lost.</summary>
public sealed class KeeperTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    /// <summary>Says "tick N" until it is told to go, and ends with the code that it is told.</summary>
    private const string Ticking = "n=0; while [ ! -s /tmp/code ]; do n=$((n+1)); echo tick $n; sleep 0.1; done; exit $(cat /tmp/code)";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_upgrade_in_place_loses_nothing()
    {
        await using var lab = await EngineLab.OpenAsync();
        var containers = await StartAsync(lab, Scaled("ORC_UPGRADE_CONTAINERS", 100));
        var terminal = lab.Engine.Create(lab.Shell("read x; echo $x; exit 6", o => o with { Terminal = true, Input = ContainerInput.Open }));
        await using var client = await lab.Engine.AttachAsync(terminal, input: true, Stop);
        await lab.Engine.StartAsync(terminal);
        await client.WhenAttachedAsync(Stop);
        var keeper = lab.Engine.KeeperPid;
        var program = Program(keeper);
        lab.ReplaceRuntime();
        await lab.ReopenAsync();
        await EngineLab.UntilAsync(() => Program(keeper) != program);
        var found = containers.Select(c => lab.Engine.Find(c.Id)!).ToList();
        await EndInTurnAsync(found);
        Assert.Equal(keeper, lab.Engine.KeeperPid);
        foreach (var container in found)
            await AssertTicksAsync(container);
        // The same connection, over the same terminal.
        await client.WriteAsync("held\n"u8.ToArray(), Stop);
        Assert.Equal(6, (await lab.Engine.Find(terminal.Id)!.Ended.WaitAsync(s_long, Stop)).ExitCode);
        Assert.Contains("held", await EngineLab.LogAsync(terminal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_keeper_is_replaced_and_nothing_stops_or_is_lost()
    {
        await using var lab = await EngineLab.OpenAsync();
        var containers = await StartAsync(lab, 12);
        foreach (var container in containers)
            await EngineLab.SaysAsync(container, "tick 3");
        var pids = containers.Select(c => c.Record.Process).ToList();
        var keeper = lab.Engine.KeeperPid;
        KillAndAwait(keeper);
        await EngineLab.UntilAsync(() => lab.Engine.KeeperPid != keeper);
        Assert.Equal(pids, containers.Select(c => c.Record.Process));
        await EndInTurnAsync(containers, isKnown: KernelTellsEnds);
        foreach (var container in containers)
            await AssertTicksAsync(container);
    }

    [Fact]
    public async Task What_ends_while_no_keeper_is_there_has_its_true_exit_code_or_none()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = (await StartAsync(lab, 1))[0];
        var keeper = lab.Engine.KeeperPid;
        lab.Engine.Dispose();
        KillAndAwait(keeper);
        using (var process = Processes.OpenPidFd(container.Record.Process!.Pid))
        {
            Tell(container, 7);
            Assert.True(Processes.WaitForExit(process, 10_000));
        }
        var exit = await (await lab.ReopenAsync()).Find(container.Id)!.Ended.WaitAsync(s_long, Stop);
        // As long as its new parent has not reaped it, the machine still knows.
        Assert.Contains((exit.ExitCode, exit.Error is null), new[] { (7, true), (-1, false) });
    }

    /// <summary>Engines end while containers are started, end by themselves, are stopped, and are joined by commands. $ORC_ENGINE_ENDS sets how often.</summary>
    [Fact]
    public async Task Engines_that_end_at_any_moment_lose_no_container_and_no_exit_code()
    {
        await using var lab = await EngineLab.OpenAsync();
        var random = new Random(1);
        var polite = await StartPoliteAsync(lab);
        for (var round = 0; round < Scaled("ORC_ENGINE_ENDS", 5); round++)
        {
            var engine = lab.Engine;
            var stopped = polite.ConvertAll(c => engine.Find(c.Id)!);
            var options = Enumerable.Range(0, 8).Select(_ => lab.Shell($"exit {random.Next(1, 100)}")).ToList();
            var next = Enumerable.Range(0, 4).Select(_ => lab.Shell(Polite)).ToList();
            using var over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            // Asked for in line: an engine that is killed asks for nothing afterwards.
            var load = options.Concat(next).Select(o => engine.Create(o)).ToList().ConvertAll(engine.StartAsync);
            load.AddRange(stopped.Skip(2).Select(c => ExecAsync(engine, c)));
            load.AddRange(stopped.Take(2).Select(c => c.StopAsync(s_long, over.Token)));
            await Task.Delay(random.Next(0, 60), Stop);
            engine = await lab.ReopenAsync();
            await over.CancelAsync();
            await Task.WhenAll(load.Select(l => l.ContinueWith(
                t => Assert.True(t.IsCompletedSuccessfully || t.IsCanceled || t.Exception!.InnerException is ContainerException, t.Exception?.ToString()),
                Stop, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)).ToList());
            foreach (var option in options)
                await AssertEndsAsync(engine, option.Id, int.Parse(option.Command![2].Split(' ')[1], CultureInfo.InvariantCulture));
            foreach (var container in stopped)
                await AssertEndsAsync(engine, container.Id, PoliteCode, isStopped: true);
            polite = next.ConvertAll(o => engine.Find(o.Id)!);
            foreach (var container in polite)
                await StartAgainAsync(engine, container);
        }
    }

    private const int PoliteCode = 21;

    /// <summary>Ends with its code when it is told to stop.</summary>
    private const string Polite = "trap 'exit 21' TERM; echo ready; while :; do sleep 1000 & wait; done";

    private static async Task<List<Container>> StartPoliteAsync(EngineLab lab) =>
        [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => lab.StartAsync(lab.Shell(Polite))))];

    private static async Task ExecAsync(ContainerEngine engine, Container container)
    {
        await using var session = engine.Exec(container, new ExecOptions(["sh", "-c", "exit 9"]));
        Assert.Equal(9, await session.WaitAsync(Stop));
    }

    /// <summary>One whose start was never asked for is started now, as who wants it would.</summary>
    private static async Task StartAgainAsync(ContainerEngine engine, Container container)
    {
        await container.AwaitStartAsync(Stop);
        if (container.State == ContainerState.Created)
            await engine.StartAsync(container);
    }

    private static async Task AssertEndsAsync(ContainerEngine engine, string id, int code, bool isStopped = false)
    {
        var container = engine.Find(id)!;
        await StartAgainAsync(engine, container);
        if (isStopped && !container.Ended.IsCompleted)
        {
            await EngineLab.SaysAsync(container, "ready");
            await container.StopAsync(s_long, Stop);
        }
        var exit = await container.Ended.WaitAsync(s_long, Stop);
        Assert.Equal((code, null), (exit.ExitCode, exit.Error));
        await engine.RemoveAsync(container);
    }

    [Fact]
    public async Task Starts_that_lie_unread_when_their_engine_ends_are_told_to_the_next_one()
    {
        await using var lab = await EngineLab.OpenAsync();
        var containers = Enumerable.Range(0, 8).Select(_ => lab.Engine.Create(lab.Shell("sleep 1000"))).ToList();
        List<string> listed;
        using (var keeper = Processes.OpenPidFd(lab.Engine.KeeperPid))
        {
            Processes.Signal(keeper, Signals.Stop);
            _ = containers.Select(lab.Engine.StartAsync).ToList();
            lab.Engine.Dispose();
            using var next = MessageSocket.Connect(Path.Combine(lab.Options.RuntimeRoot, KeeperProtocol.SocketName));
            MessageSocket.Send((int)next.DangerousGetHandle(), [(byte)MessageKind.Hello]);
            Processes.Signal(keeper, Signals.Continue);
            listed = Listed(next);
        }
        var engine = await lab.ReopenAsync();
        Assert.Equal(containers.Select(c => c.Id).Order(), listed.Order());
        await EngineLab.UntilAsync(() => containers.TrueForAll(c => engine.Find(c.Id)!.State == ContainerState.Running));
    }

    [Fact]
    public async Task A_start_that_the_keeper_was_never_asked_for_did_not_happen_and_can_be_asked_for_again()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = lab.Engine.Create(lab.Shell("exit 3"));
        container.Become(container.Record with { State = ContainerState.Starting });
        var found = (await lab.ReopenAsync()).Find(container.Id)!;
        await found.AwaitStartAsync(Stop);
        Assert.Equal((ContainerState.Created, null), (found.State, found.Record.Exit));
        await lab.Engine.StartAsync(found);
        Assert.Equal(3, (await found.Ended.WaitAsync(s_long, Stop)).ExitCode);
    }

    [Fact]
    public async Task A_start_that_is_under_way_when_its_engine_ends_goes_on_under_the_next_one()
    {
        await using var lab = await EngineLab.OpenAsync();
        await lab.RunAsync(lab.Shell("true"));
        var options = lab.Shell(Ticking);
        var container = lab.Engine.Create(options);
        var launchers = Launchers(lab).Select(Processes.OpenPidFd).ToList();
        Container found;
        try
        {
            launchers.ForEach(l => Processes.Signal(l, Signals.Stop));
            var start = lab.Engine.StartAsync(container);
            found = (await lab.ReopenAsync()).Find(container.Id)!;
            Assert.Equal(ContainerState.Starting, found.State);
            await start.ContinueWith(_ => { }, Stop, TaskContinuationOptions.None, TaskScheduler.Default);
        }
        finally
        {
            launchers.ForEach(l => Processes.Signal(l, Signals.Continue));
            launchers.ForEach(l => l.Dispose());
        }
        await found.AwaitStartAsync(Stop);
        Assert.Equal(ContainerState.Running, found.State);
        Tell(found, 5);
        Assert.Equal(5, (await found.Ended.WaitAsync(s_long, Stop)).ExitCode);
        // The news of that start is not taken for the news of the next.
        var again = await lab.Engine.RenewAsync(found, options with { Command = ["sh", "-c", "exit 6"] });
        await lab.Engine.StartAsync(again);
        Assert.NotEqual(found.Record.Process, again.Record.Process);
        Assert.Equal(6, (await again.Ended.WaitAsync(s_long, Stop)).ExitCode);
    }

    private static IEnumerable<int> Launchers(EngineLab lab) =>
        File.ReadAllText($"/proc/{lab.Engine.KeeperPid}/task/{lab.Engine.KeeperPid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => int.Parse(p, CultureInfo.InvariantCulture)).Where(p => File.ReadAllText($"/proc/{p}/cmdline").StartsWith("orc-runtime", StringComparison.Ordinal));

    private static List<string> Listed(SafeFileHandle control)
    {
        var listed = new List<string>();
        var buffer = new byte[KeeperProtocol.MessageMax];
        while (true)
        {
            var count = MessageSocket.Receive((int)control.DangerousGetHandle(), buffer, [], out _);
            var message = new MessageReader(buffer.AsSpan(0, count));
            if (message.Kind == MessageKind.Listed)
                return listed;
            if (message.Kind == MessageKind.Kept)
                listed.Add(RunningProcess.Read(message).Id);
        }
    }

    [Fact]
    public async Task A_container_that_crashes_again_and_again_does_not_make_the_keeper_grow()
    {
        await using var lab = await EngineLab.OpenAsync();
        await CrashAsync(lab, 50);
        var before = ResidentKilobytes(lab.Engine.KeeperPid);
        await CrashAsync(lab, Scaled("ORC_CRASHES", 200));
        TestContext.Current.TestOutputHelper?.WriteLine($"keeper {before} kB, then {ResidentKilobytes(lab.Engine.KeeperPid)} kB");
        Assert.InRange(ResidentKilobytes(lab.Engine.KeeperPid) - before, -4096, 512);
    }

    [Fact]
    public async Task A_disk_that_hangs_holds_up_neither_ends_nor_other_clients()
    {
        await using var lab = await EngineLab.OpenAsync();
        var stuck = await lab.StartAsync(lab.Shell("while [ ! -e /tmp/go ]; do sleep 0.02; done; echo lost; exit 3"));
        var other = await lab.StartAsync(lab.Shell("while [ ! -e /tmp/go ]; do sleep 0.02; done; echo seen; exit 5"));
        // Opening a FIFO that nobody reads hangs like a disk does.
        File.Delete(stuck.LogPath);
        FileSystem.MakeNode(stuck.LogPath, FileKind.Fifo, 0x180);
        await using var client = await lab.Engine.AttachAsync(other, input: false, Stop);
        await client.WhenAttachedAsync(Stop);
        Go(stuck);
        Assert.Equal(3, (await stuck.Ended.WaitAsync(s_long, Stop)).ExitCode);
        Go(other);
        Assert.Equal("seen\n"u8.ToArray(), (await client.ReadAsync(Stop))!.Value.Bytes.ToArray());
        Assert.Equal(5, (await other.Ended.WaitAsync(s_long, Stop)).ExitCode);
        // The disk is well again.
        using var reader = FileSystem.Open(stuck.LogPath, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        await EngineLab.UntilAsync(() => File.Exists(other.LogPath) && File.ReadAllText(other.LogPath).Contains("seen", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Hundreds_of_containers_are_held_in_little_memory()
    {
        await using var lab = await EngineLab.OpenAsync();
        var count = Scaled("ORC_KEPT_CONTAINERS", 40);
        await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => lab.StartAsync(lab.Shell("echo up; exec sleep 1000")), Stop)));
        await EngineLab.UntilAsync(() => lab.Engine.Containers.All(c => File.Exists(c.LogPath) && new FileInfo(c.LogPath).Length > 0));
        var rollup = File.ReadAllLines($"/proc/{lab.Engine.KeeperPid}/smaps_rollup").Where(l => l.StartsWith("Rss", StringComparison.Ordinal) || l.StartsWith('P'));
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} containers: {string.Join(", ", rollup.Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))))}, threads {Directory.GetDirectories($"/proc/{lab.Engine.KeeperPid}/task").Length}");
        Assert.InRange(ResidentKilobytes(lab.Engine.KeeperPid), 0, 6 * 1024);
        await Task.WhenAll(lab.Engine.Containers.Select(c => c.StopAsync(TimeSpan.Zero, Stop)));
    }

    /// <summary>$ORC_AT_ONCE sets how many.</summary>
    [Fact]
    public async Task Many_at_once_run_end_with_their_codes_and_leave_nothing()
    {
        await using var lab = await EngineLab.OpenAsync();
        await lab.RunAsync(lab.Shell("true"));
        await lab.Engine.RemoveAsync(lab.Engine.Containers.Single());
        var keeper = lab.Engine.KeeperPid;
        var held = Directory.GetFiles($"/proc/{keeper}/fd").Length;
        var count = Scaled("ORC_AT_ONCE", 40);
        // Hundreds that forked all the time would be a test of the machine.
        const string waiting = "echo up; while [ ! -s /tmp/code ]; do sleep 3; done; exit $(cat /tmp/code)";
        var containers = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => lab.StartAsync(lab.Shell(waiting)), Stop)));
        Assert.All(containers, c => Assert.Equal(ContainerState.Running, c.State));
        Assert.Equal(count, containers.Select(c => new FileInfo($"/proc/{c.Record.Process!.Pid}/ns/net").LinkTarget).Distinct().Count());
        await EndInTurnAsync([.. containers]);
        foreach (var container in containers)
            Assert.Equal("up\n", await EngineLab.LogAsync(container));
        await Task.WhenAll(containers.Select(c => lab.Engine.RemoveAsync(c)));
        Assert.Equal(keeper, lab.Engine.KeeperPid);
        await EngineLab.UntilAsync(() => Directory.GetFiles($"/proc/{keeper}/fd").Length <= held);
        Assert.Empty(lab.LeftGroups);
        Assert.DoesNotContain(lab.Options.DataDirectory, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.Equal(["keeper.lock", "keeper.sock"], Directory.GetFileSystemEntries(lab.Options.RuntimeRoot).Select(f => Path.GetFileName(f)).Order());
    }

    private static async Task<List<Container>> StartAsync(EngineLab lab, int count) =>
        [.. await Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => lab.StartAsync(lab.Shell(Ticking)), Stop)))];

    private static async Task EndInTurnAsync(List<Container> containers, bool isKnown = true)
    {
        for (var i = 0; i < containers.Count; i++)
            Tell(containers[i], i % 100 + 1);
        for (var i = 0; i < containers.Count; i++)
        {
            var exit = await containers[i].Ended.WaitAsync(s_long, Stop);
            Assert.Equal((isKnown ? i % 100 + 1 : -1, isKnown), (exit.ExitCode, exit.Error is null));
        }
    }

    // Every number from 1 on, once and in order.
    private static async Task AssertTicksAsync(Container container)
    {
        var lines = (await EngineLab.LogAsync(container)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enumerable.Range(1, lines.Length).Select(n => $"tick {n}"), lines);
    }

    private static async Task CrashAsync(EngineLab lab, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await lab.RunAsync(lab.Shell("echo crash; exit 1"));
            await lab.Engine.RemoveAsync(lab.Engine.Containers.Single());
        }
    }

    private static void Tell(Container container, int code) =>
        File.WriteAllText($"/proc/{container.Record.Process!.Pid}/root/tmp/code", code.ToString(CultureInfo.InvariantCulture));

    private static void Go(Container container) => File.WriteAllText($"/proc/{container.Record.Process!.Pid}/root/tmp/go", "");

    private static void KillAndAwait(int pid)
    {
        using var pidFd = Processes.OpenPidFd(pid);
        Processes.Signal(pidFd, Signals.Kill);
        Assert.True(Processes.WaitForExit(pidFd, 10_000));
    }

    private static string Program(int pid) => ProcessImage.Identity($"/proc/{pid}/exe");

    private static long ResidentKilobytes(int pid) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))[6..^3], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);

    /// <summary>PIDFD_INFO_EXIT came with Linux 6.15.</summary>
    private static bool KernelTellsEnds => Environment.OSVersion.Version >= new Version(6, 15);

    private static int Scaled(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;
}
