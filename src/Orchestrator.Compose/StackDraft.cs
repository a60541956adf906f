using Orchestrator.Compose.Services;
using Orchestrator.Model;

namespace Orchestrator.Compose;

/// <summary>One load: what was found so far, and what can be checked only when everything is read.</summary>
internal sealed class StackDraft(Func<string, Stream?> open)
{
    private readonly List<Action> _checks = [];

    public StackSpec Spec { get; } = new();

    public PublishedPorts PublishedPorts { get; } = new();

    /// <summary>Services whose profiles nobody asked for.</summary>
    public List<string> Inactive { get; } = [];

    public HashSet<string> ContainerNames { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Func<string, Stream?> Open => open;

    public bool HasService(string name) => Spec.Services.Any(s => s.Name == name);

    public bool HasNetwork(string name) => name == NetworkReader.Default || Spec.Networks.Any(n => n.Name == name);

    public VolumeSpec? FindVolume(string name) => Spec.Volumes.FirstOrDefault(v => v.Name == name);

    public void Afterwards(Action check) => _checks.Add(check);

    public void RunChecks() => _checks.ForEach(check => check());
}
