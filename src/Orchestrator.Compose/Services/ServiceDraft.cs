using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>A service while it is read; keys that may be written in two places meet here.</summary>
internal sealed class ServiceDraft(StackDraft stack, string name)
{
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

    public int? DeployReplicas { get; set; }

    public bool DeployRestarts { get; set; }
}
