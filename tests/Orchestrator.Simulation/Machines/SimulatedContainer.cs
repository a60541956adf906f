using Orchestrator.Engine.Containers;

namespace Orchestrator.Simulation.Machines;

/// <summary>A container as the machine knows it; its keeper outlives the agent.</summary>
internal sealed class SimulatedContainer(string id, string image)
{
    public string Id => id;

    public string Image => image;

    /// <summary>Its addresses by network, kept by the machine.</summary>
    public Dictionary<string, string> Addresses { get; } = new(StringComparer.Ordinal);

    public ContainerState State { get; set; }

    public ContainerExit? Exit { get; set; }

    public long StartedAtUnixMs { get; set; }

    /// <summary>Its health check fails for now, whatever its program is.</summary>
    public bool IsAiling { get; set; }

    /// <summary>Who waits for its start or end.</summary>
    public Action? Changed { get; set; }
}
