using Orchestrator.Agent.Health;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>One run of a container, from its process's start until all that it held is given back.</summary>
internal sealed class LocalRun(Container container, LocalHealth health) : IDisposable
{
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _probing = new();
    private volatile bool _isPaused;

    public Container Container => container;

    public bool IsPaused { get => _isPaused; set => _isPaused = value; }

    public LocalHealth Health { get; private set; } = health;

    /// <summary>What the last probe that changed something said.</summary>
    public string HealthOutput { get; private set; } = "";

    /// <summary>After its end, also what comes with that: its network is gone, its exit code noted.</summary>
    public Task Finished => _finished.Task;

    public async Task ProbeAsync(HealthMonitor monitor, Action<LocalHealth> changed, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, _probing.Token);
        try
        {
            await monitor.RunAsync(ToModel(Health), (h, output) =>
            {
                (Health, HealthOutput) = (Of(h), output);
                changed(Health);
            }, stop.Token, () => IsPaused);
        }
        catch (OperationCanceledException)
        {
        }
    }

    public void Finish()
    {
        _probing.Cancel();
        _finished.TrySetResult();
    }

    public void Dispose() => _probing.Dispose();

    private static Model.Health ToModel(LocalHealth health) => health switch
    {
        LocalHealth.Healthy => Model.Health.Healthy,
        LocalHealth.Unhealthy => Model.Health.Unhealthy,
        _ => Model.Health.Starting,
    };

    private static LocalHealth Of(Model.Health health) => health switch
    {
        Model.Health.Healthy => LocalHealth.Healthy,
        Model.Health.Unhealthy => LocalHealth.Unhealthy,
        _ => LocalHealth.Starting,
    };
}
