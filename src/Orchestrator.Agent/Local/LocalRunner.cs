using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Health;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>Carries one container of this machine: what its user asks for comes one after the other, its ends and restarts by themselves.</summary>
internal sealed class LocalRunner : IDisposable
{
    private readonly LocalSurroundings _around;
    private readonly LocalTable _table;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly TaskCompletionSource _removed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource _pause = new();
    private volatile LocalRecord _record;
    private volatile LocalRun? _run;
    private volatile bool _waitsToRestart;
    private TimeSpan _lastWait;
    private int _exits;

    public LocalRunner(LocalSurroundings around, LocalTable table, LocalRecord record)
    {
        (_around, _table, _record) = (around, table, record);
    }

    public string Id => _record.Id;
    public string Name => _record.Name;

    /// <summary>Never changed: replaced.</summary>
    public LocalRecord Record => _record;

    public LocalRun? Run => _run;

    public Container? Container => _around.Engine.Find(Id);

    public bool WaitsToRestart => _waitsToRestart;

    /// <summary>How many of its runs have ended since the agent began.</summary>
    public int Exits => Volatile.Read(ref _exits);

    public Task Removed => _removed.Task;

    public bool IsRunning => _run is { Finished.IsCompleted: false };

    /// <summary>Goes on with what an earlier agent held.</summary>
    public async Task RecoverAsync()
    {
        if (_record.Removing || Container is not { } container)
        {
            await RemoveAsync(force: true, volumes: _record.Spec.AutoRemove);
            return;
        }
        if (container.State == ContainerState.Starting)
        {
            _ = RecoverStartingAsync(container);
            return;
        }
        if (container.State is ContainerState.Running && !container.Ended.IsCompleted)
        {
            Note(r => r.Wanted = !r.StoppedByUser);
            if (_around.DataPlane.Networks.Find(Id) is { } attachment)
                await PublishAsync(attachment);
            Watch(new LocalRun(container, HasCheck() ? LocalHealth.Starting : LocalHealth.None));
            return;
        }
        await RecoverEndedAsync(container);
    }

    /// <param name="beforeStart">With the container that is about to start; not called when it runs already.</param>
    public async Task StartAsync(Func<Container, Task>? beforeStart = null)
    {
        using var turn = await TakeTurnAsync();
        if (IsRunning && !_run!.Container.Ended.IsCompleted)
            return;
        await (_run?.Finished ?? Task.CompletedTask);
        Note(r => (r.Restarts, r.StoppedByUser) = (0, false));
        _lastWait = TimeSpan.Zero;
        await BeginAsync(beforeStart);
    }

    /// <param name="grace">Null: the container's own; negative: it is never killed.</param>
    public async Task StopAsync(TimeSpan? grace, int? signal)
    {
        using var turn = await TakeTurnAsync();
        Note(r => (r.Wanted, r.StoppedByUser) = (false, true));
        if (!IsRunning)
            return;
        await EndAsync(grace, signal);
        Tell("stop");
    }

    public async Task RestartAsync(TimeSpan? grace, int? signal)
    {
        using var turn = await TakeTurnAsync();
        Note(r => (r.Wanted, r.StoppedByUser) = (false, false));
        if (IsRunning)
            await EndAsync(grace, signal);
        _lastWait = TimeSpan.Zero;
        await BeginAsync();
        Tell("restart");
    }

    public async Task KillAsync(int signal)
    {
        using var turn = await TakeTurnAsync(interruptsRestart: false);
        if (!IsRunning)
            throw LocalRefusal.Conflict($"container {Name} does not run");
        // As Docker: these two mean that it is to end, and its policy must not bring it back.
        if (signal == Signals.Kill || signal == _run!.Container.Record.StopSignal)
            Note(r => (r.Wanted, r.StoppedByUser) = (false, true));
        _run!.Container.Signal(signal);
        Tell("kill", ("signal", signal.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        if (signal != Signals.Kill)
            return;
        Thaw();
        await _run.Finished;
    }

    public async Task PauseAsync(bool paused)
    {
        using var turn = await TakeTurnAsync(interruptsRestart: false);
        if (!IsRunning)
            throw LocalRefusal.Conflict($"container {Name} does not run");
        if (_run!.IsPaused == paused)
            throw LocalRefusal.Conflict($"container {Name} is {(paused ? "paused already" : "not paused")}");
        var cgroup = _around.Engine.CgroupOf(_run.Container);
        if (paused)
            await cgroup.FreezeAsync();
        else
            cgroup.Thaw();
        _run.IsPaused = paused;
        Changed();
        Tell(paused ? "pause" : "unpause");
    }

    public async Task RenameAsync(string name)
    {
        using var turn = await TakeTurnAsync(interruptsRestart: false);
        var old = Name;
        Note(r => r.Name = name);
        if (IsRunning && _around.DataPlane.Networks.Find(Id) is { } attachment)
            await PublishAsync(attachment);
        Tell("rename", ("oldName", old));
    }

    public async Task UpdateAsync(Action<LocalSpec> change)
    {
        using var turn = await TakeTurnAsync(interruptsRestart: false);
        var spec = _record.Spec.Clone();
        change(spec);
        if (IsRunning)
            await _around.Engine.UpdateAsync(_run!.Container, SpecMeaning.Limits(_record.Spec.Limits), SpecMeaning.Limits(spec.Limits));
        Note(r => r.Spec = spec);
        Tell("update");
    }

    /// <param name="volumes">Also its anonymous volumes.</param>
    public async Task RemoveAsync(bool force, bool volumes)
    {
        using var turn = await TakeTurnAsync();
        if (_removed.Task.IsCompleted)
            return;
        if (IsRunning && !force)
            throw LocalRefusal.Conflict($"container {Name} runs; stop it first, or remove it with --force");
        Note(r => (r.Removing, r.Wanted) = (true, false));
        if (IsRunning)
            await EndAsync(TimeSpan.Zero, Signals.Kill);
        await DetachAsync();
        if (Container is { } container)
            await _around.Engine.RemoveAsync(container, volumes && !_table.OthersUseVolumesOf(this));
        _around.Forget(Id);
        _table.Forget(this);
        Tell("destroy");
        _removed.TrySetResult();
        Changed();
    }

    /// <summary>Answers when the condition holds, looked at after every change.</summary>
    public async Task UntilAsync(Func<LocalRunner, bool> condition, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
                changed = _changed.Task;
            if (condition(this) || _removed.Task.IsCompleted)
                return;
            await changed.WaitAsync(cancellation);
        }
    }

    public void Dispose()
    {
        _gate.Dispose();
        _pause.Dispose();
        _run?.Dispose();
    }

    /// <summary>An earlier agent asked for its start: the answer is on its way, and what its user asks for comes after it.</summary>
    private async Task RecoverStartingAsync(Container container)
    {
        try
        {
            using (await TakeTurnAsync(interruptsRestart: false))
                await container.AwaitStartAsync(_around.Stopping);
            await RecoverAsync();
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is ContainerException or IOException or InvalidOperationException or LocalRefusal)
        {
            _around.Logger.LogError(e, "container {Name} could not be taken over", Name);
        }
    }

    private async Task RecoverEndedAsync(Container container)
    {
        var code = container.Record.Exit?.ExitCode ?? 0;
        await DetachAsync();
        if (_record.Spec.AutoRemove && container.State == ContainerState.Ended)
            await RemoveAsync(force: true, volumes: true);
        else if (container.State == ContainerState.Created && _record.Wanted)
            _ = RestartAfterAsync(TimeSpan.Zero);
        else if (container.State == ContainerState.Ended && RestartDecision.RestartsAtBegin(_record.Spec.Restart, _record.Wanted, code, _record.Restarts))
            _ = RestartAfterAsync(TimeSpan.Zero);
    }

    private async Task<Turn> TakeTurnAsync(bool interruptsRestart = true)
    {
        if (interruptsRestart)
            await _pause.CancelAsync();
        await _gate.WaitAsync(_around.Stopping);
        if (interruptsRestart)
        {
            _pause.Dispose();
            _pause = new CancellationTokenSource();
        }
        return new Turn(_gate);
    }

    private async Task BeginAsync(Func<Container, Task>? beforeStart = null)
    {
        var image = _around.ImageOf(_record) ?? throw LocalRefusal.Conflict($"the image of container {Name}, {_record.Spec.Container.Image}, is not here any more");
        try
        {
            var attachment = await AttachAsync();
            var options = LocalSetup.Of(_record, image, attachment, _table.Shared(_record));
            var container = Container is { } before
                ? await _around.Engine.RenewAsync(before, options)
                : await Task.Run(() => _around.Engine.Create(options));
            if (attachment is not null)
                await PublishAsync(attachment);
            await (beforeStart?.Invoke(container) ?? Task.CompletedTask);
            await _around.Engine.StartAsync(container);
            Note(r => r.Wanted = true);
            Watch(new LocalRun(container, HasCheck() ? LocalHealth.Starting : LocalHealth.None));
            Tell("start");
        }
        catch
        {
            await DetachAsync();
            Changed();
            throw;
        }
    }

    private void Watch(LocalRun run)
    {
        _run?.Dispose();
        _run = run;
        if (_around.Images.Find(Oci.Digest.Parse(_record.ImageDigest)) is { } image && HealthCheck.Of(_record.Spec.Container.Healthcheck, image.Config.Healthcheck) is { } check)
            _ = run.ProbeAsync(new HealthMonitor(_around.Engine, run.Container, check, _around.Logger), NoteHealth, _around.Stopping);
        _ = FinishAsync(run);
        Changed();
    }

    private void NoteHealth(LocalHealth health)
    {
        Changed();
        Tell($"health_status: {health.ToString().ToLowerInvariant()}");
    }

    private bool HasCheck() => _around.ImageOf(_record) is { } image && HealthCheck.Of(_record.Spec.Container.Healthcheck, image.Config.Healthcheck) is not null;

    /// <summary>The top of a run's end: what fails here is logged, and the container counts as ended all the same.</summary>
    private async Task FinishAsync(LocalRun run)
    {
        var exit = await run.Container.Ended;
        try
        {
            await _around.Engine.ReleaseProcessAsync(run.Container);
            await DetachAsync();
        }
#pragma warning disable CA1031 // The top of the loop.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _around.Logger.LogError(e, "container {Name}: what it held could not all be given back", Name);
        }
        var ran = TimeSpan.FromMilliseconds(Math.Max(0, exit.FinishedAtUnixMs - run.Container.Record.StartedAtUnixMs));
        var restarts = RestartDecision.Restarts(_record.Spec.Restart, _record.Wanted, exit.ExitCode, _record.Restarts);
        _waitsToRestart = restarts;
        if (!restarts)
            Note(r => r.Wanted = false);
        Interlocked.Increment(ref _exits);
        if (exit.OomKilled)
            Tell("oom");
        Tell("die", ("exitCode", exit.ExitCode.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        run.Finish();
        Changed();
        if (restarts)
            await RestartAfterAsync(_lastWait = RestartDecision.Wait(_lastWait, ran));
        else if (_record is { Spec.AutoRemove: true, Removing: false })
            await RemoveAsync(force: true, volumes: true);
    }

    private async Task RestartAfterAsync(TimeSpan wait)
    {
        // Of now: a turn that its user takes cancels this one and leaves another.
        var interrupted = _pause.Token;
        _waitsToRestart = true;
        Changed();
        try
        {
            await Task.Delay(wait, interrupted);
            using var turn = await TakeTurnAsync(interruptsRestart: false);
            interrupted.ThrowIfCancellationRequested();
            Note(r => r.Restarts++);
            await BeginAsync();
        }
        catch (OperationCanceledException)
        {
            // Its user came first.
        }
        catch (Exception e) when (e is ContainerException or LocalRefusal or IOException or InvalidOperationException)
        {
            _around.Logger.LogWarning("container {Name} could not be restarted: {Message}", Name, e.Message);
        }
        finally
        {
            _waitsToRestart = false;
            Changed();
        }
    }

    /// <summary>Its signal, and SIGKILL when it has not ended in time.</summary>
    private async Task EndAsync(TimeSpan? grace, int? signal)
    {
        var run = _run!;
        var patience = grace ?? LocalSetup.Grace(_record.Spec.Container);
        run.Container.Signal(signal ?? run.Container.Record.StopSignal);
        Thaw();
        try
        {
            await run.Container.Ended.WaitAsync(patience is { } limit && limit >= TimeSpan.Zero ? limit : Timeout.InfiniteTimeSpan, _around.Stopping);
        }
        catch (TimeoutException)
        {
            run.Container.Signal(Signals.Kill);
        }
        await run.Finished;
    }

    private void Thaw()
    {
        if (_run is not { IsPaused: true } run)
            return;
        _around.Engine.CgroupOf(run.Container).Thaw();
        run.IsPaused = false;
    }

    private async Task<Attachment?> AttachAsync()
    {
        if (_record.Spec.Network is not ("" or "bridge" or "default" or "none"))
            return null;
        await _table.DecidePortsAsync(this, ports => Note(r =>
        {
            r.Ports.Clear();
            r.Ports.AddRange(ports);
        }));
        var attachment = await _around.DataPlane.Networks.AttachAsync(Id, _record.Spec.Network == "none" ? [] : [MachineNetwork.Id], _around.Stopping);
        return attachment;
    }

    private Task PublishAsync(Attachment attachment) => attachment.Addresses.Values.FirstOrDefault() is { } address
        ? _around.DataPlane.PublishLocalAsync(Id, [.. LocalSetup.HostPorts(_record, address)], address, [Name, Id[..12], .. _record.Spec.NetworkAliases])
        : Task.CompletedTask;

    private async Task DetachAsync()
    {
        await _around.DataPlane.UnpublishLocalAsync(Id);
        await _around.DataPlane.Networks.DetachAsync(Id);
    }

    private void Note(Action<LocalRecord> change)
    {
        lock (_lock)
        {
            var record = _record.Clone();
            change(record);
            if (record.Equals(_record))
                return;
            _record = record;
            if (!_removed.Task.IsCompleted)
                _around.Save(record);
        }
        Changed();
    }

    private void Changed()
    {
        lock (_lock)
        {
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Tell(string action, params IEnumerable<(string, string)> attributes) => _around.Events.Tell("container", action, Id,
        [("name", Name), ("image", _record.Spec.Container.Image), .. attributes, .. _record.Spec.Container.Labels.Select(l => (l.Key, l.Value))]);

    private sealed class Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
