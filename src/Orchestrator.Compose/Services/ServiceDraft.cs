using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>A service while it is read; keys that may be written in two places meet here.</summary>
internal sealed class ServiceDraft(StackDraft stack, string name)
{
    private readonly Queue<Action> _afterwards = [];

    public StackDraft Stack => stack;

    public ServiceSpec Spec { get; } = new()
    {
        Name = name,
        Replicas = 1,
        Container = new ContainerSpec(),
        Restart = new RestartPolicy { Condition = RestartCondition.Any },
    };

    public ContainerSpec Container => Spec.Container;

    /// <summary>From env_file; environment wins over it wherever it is written.</summary>
    public Dictionary<string, string> FileEnvironment { get; } = new(StringComparer.Ordinal);

    /// <summary>From label_file; labels win over it.</summary>
    public Dictionary<string, string> FileLabels { get; } = new(StringComparer.Ordinal);

    /// <summary>Microseconds.</summary>
    public int? CpuPeriod { get; set; }

    public bool HasCpuQuota { get; set; }

    public Resources Limits => Spec.Limits ??= new Resources();

    /// <summary>Where a limit or a reservation is written beside deploy.</summary>
    public Field? LimitField { get; set; }

    public int? DeployReplicas { get; set; }

    public bool DeployRestarts { get; set; }

    /// <summary>What can be said only when all keys of the service are read. Such an action may add another one.</summary>
    public void Afterwards(Action check) => _afterwards.Enqueue(check);

    public void Finish()
    {
        while (_afterwards.TryDequeue(out var check))
            check();
    }
}
