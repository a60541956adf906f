using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Health;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Replicas;

/// <summary>Carries one replica forward: looks, does the one next step, looks again.</summary>
internal sealed class ReplicaRunner : IDisposable
{
    private static readonly TimeSpan s_shortestRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(30);

    private readonly ReplicaSurroundings _around;
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _preparing = new();
    private volatile ReplicaRecord _record;
    private Task? _waiting;
    private volatile Fate _fate;
    private volatile string? _unhealthy;
    private bool _released;
    private bool _monitored;

    public ReplicaRunner(ReplicaSurroundings around, ReplicaRecord record)
    {
        _around = around;
        _record = record;
        _fate = ReplicaFacts.FateOf(record.Assignment);
        // An earlier agent found it unhealthy and may not have come to stop it.
        _unhealthy = record.Observed.WhyUnhealthy();
    }

    public string Id => _record.Assignment.ReplicaId;
    public Assignment Assignment => _record.Assignment;
    public Observed Observed => _record.Observed;
    public Container? Container => _around.Engine.Find(Id);

    public void Update(Assignment assignment)
    {
        lock (_lock)
        {
            _record = _record with { Assignment = assignment };
            _around.Save(_record);
        }
        Decree(ReplicaFacts.FateOf(assignment));
    }

    public void Remove() => Decree(Fate.Remove);

    /// <returns>When the replica is removed.</returns>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var retry = s_shortestRetry;
        while (true)
        {
            var step = Facts.Next();
            try
            {
                if (step == ReplicaStep.Wait)
                    await WaitAsync(cancellationToken);
                else
                    await DoAsync(step, cancellationToken);
                if (step == ReplicaStep.Remove)
                    return;
                retry = s_shortestRetry;
            }
            catch (OperationCanceledException) when (_preparing.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                // Its fate changed while it was being prepared.
            }
#pragma warning disable CA1031 // The top of the replica's loop.
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                _around.Logger.LogWarning("replica {Id}: {Step} failed: {Message}", Id, step, e.Message);
                if (step is ReplicaStep.Prepare or ReplicaStep.Start)
                    Observe(ReplicaOutcome.OfError(Observed, e.Message, Container?.Record.Exit, Now));
                else
                    await Task.Delay(retry, cancellationToken);
                retry = retry * 2 < s_longestRetry ? retry * 2 : s_longestRetry;
            }
        }
    }

    public void Dispose()
    {
        _preparing.Dispose();
        _changed.Dispose();
    }

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private ReplicaFacts Facts => new(Observed.State, _fate, Container?.State, _unhealthy is not null, _released);

    // Fates only lead forward: what was once to be stopped is not wanted again.
    private void Decree(Fate fate)
    {
        lock (_lock)
        {
            if (fate <= _fate)
                return;
            _fate = fate;
        }
        // Not in line: what was being prepared would go on from there, under the table's lock, up to its own removal.
        _ = _preparing.CancelAsync();
        Wake();
    }

    private void Wake()
    {
        lock (_lock)
            if (_changed.CurrentCount == 0)
                _changed.Release();
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        // One wait is kept over turns: a forgotten one would swallow the next wake.
        _waiting ??= _changed.WaitAsync(cancellationToken);
        if (Container is { State: ContainerState.Running } container)
        {
            Monitor(container, cancellationToken);
            await Task.WhenAny(_waiting, container.Ended);
        }
        else if (Container is { State: ContainerState.Starting } starting)
            await Task.WhenAny(_waiting, starting.AwaitStartAsync(cancellationToken));
        else
            await _waiting;
        if (_waiting.IsCompleted)
            _waiting = null;
        cancellationToken.ThrowIfCancellationRequested();
    }

    private Task DoAsync(ReplicaStep step, CancellationToken cancellationToken) => step switch
    {
        ReplicaStep.Prepare => PrepareAsync(cancellationToken),
        ReplicaStep.Start => StartAsync(cancellationToken),
        ReplicaStep.NoteRunning => NoteRunningAsync(),
        ReplicaStep.Stop => Container!.StopAsync(ContainerSetup.Grace(Assignment.Spec.Container), cancellationToken),
        ReplicaStep.Finish => FinishAsync(),
        ReplicaStep.Release => ReleaseAsync(),
        ReplicaStep.Remove => RemoveAsync(),
        _ => throw new InvalidOperationException($"no such step: {step}"),
    };

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _preparing.Token);
        Observe(Observed.At(ReplicaState.Preparing));
        var image = await _around.PullAsync(Assignment.Spec.Container, m => Observe(Observed.Saying(m)), stop.Token);
        using var turn = await _around.TakeTurnAsync(stop.Token);
        var attachment = await _around.AttachAsync(Assignment, stop.Token);
        await Task.Run(() => _around.Engine.Create(ContainerSetup.Of(Assignment, image, attachment)), stop.Token);
        var ready = Observed.At(ReplicaState.Ready);
        Observe(attachment is null ? ready : ready.With(attachment));
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        using var turn = await _around.TakeTurnAsync(cancellationToken);
        Observe(Observed.At(ReplicaState.Starting));
        await _around.Networks.AwaitRunningAsync(Id, cancellationToken);
        await _around.Engine.StartAsync(Container!);
        await NoteRunningAsync();
    }

    private Task NoteRunningAsync()
    {
        if (Container is not { Record: { Process: { } process } record })
            return Task.CompletedTask;
        var running = Observed.At(ReplicaState.Running);
        running.Pid = process.Pid;
        running.StartedMs = record.StartedAtUnixMs;
        running.Health = _around.CheckOf(Assignment.Spec.Container) is null ? Model.Health.None : Model.Health.Starting;
        if (_around.Networks.Attachments.FirstOrDefault(a => a.ContainerId == Id) is { } attachment)
            running = running.With(attachment);
        Observe(running);
        return Task.CompletedTask;
    }

    private Task FinishAsync()
    {
        Observe(ReplicaOutcome.Of(Observed, _fate, Container?.Record.Exit, _unhealthy, Now));
        return Task.CompletedTask;
    }

    private async Task ReleaseAsync()
    {
        if (Container is { } container)
        {
            await container.StopAsync(TimeSpan.Zero);
            await _around.Engine.ReleaseAsync(container);
        }
        await _around.DetachAsync(Id);
        _released = true;
    }

    private async Task RemoveAsync()
    {
        if (Container is { } container)
            await _around.Engine.RemoveAsync(container);
        _around.Forget(Id);
    }

    private void Monitor(Container container, CancellationToken cancellationToken)
    {
        if (_monitored || _around.CheckOf(Assignment.Spec.Container) is not { } check)
            return;
        _monitored = true;
        _ = MonitorAsync(new HealthMonitor(_around.Engine, container, check, _around.Logger), cancellationToken);
    }

    private async Task MonitorAsync(HealthMonitor monitor, CancellationToken cancellationToken)
    {
        try
        {
            await monitor.RunAsync(Observed.Health, NoteHealth, cancellationToken);
        }
#pragma warning disable CA1031 // The top of the monitor's loop.
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            _around.Logger.LogError(e, "replica {Id}: its health is no longer checked", Id);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void NoteHealth(Model.Health health, string output)
    {
        if (ReplicaFacts.IsFinal(Observed.State))
            return;
        var changed = Observed.Clone();
        (changed.Health, changed.Message) = (health, output);
        Observe(changed);
        if (health == Model.Health.Unhealthy)
            _unhealthy = output;
        Wake();
    }

    private void Observe(Observed observed)
    {
        lock (_lock)
        {
            if (!observed.Follows(Observed))
                return;
            var told = observed.State > Observed.State || observed.Health != Observed.Health;
            _record = _record with { Observed = observed };
            // What comes before the start is found again from what is there.
            if (told && observed.State >= ReplicaState.Running)
                _around.Save(_record);
            _around.Reports.Put(Id, observed);
        }
    }
}
