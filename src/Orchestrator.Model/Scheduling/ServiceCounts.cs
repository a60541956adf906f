using System.Runtime.InteropServices;

namespace Orchestrator.Model.Scheduling;

/// <summary>How many replicas of one service each node has, with those that the batch has placed.</summary>
internal sealed class ServiceCounts
{
    private readonly Dictionary<string, Count> _byNode = new(StringComparer.Ordinal);

    public ServiceCounts(IEnumerable<Replica> replicas)
    {
        foreach (var replica in replicas)
            if (replica.IsLive() && replica.IsPlaced())
                Add(replica.NodeId, replica.Desired == DesiredState.DesiredRunning);
    }

    /// <summary>Nodes with replicas that are to stay.</summary>
    public IEnumerable<string> Nodes => _byNode.Where(c => c.Value.Staying > 0).Select(c => c.Key);

    public bool IsEmpty => _byNode.Count == 0;

    /// <summary>Without those that are stopping.</summary>
    public int Staying(string nodeId) => _byNode.GetValueOrDefault(nodeId).Staying;

    /// <summary>All that have not ended.</summary>
    public int Live(string nodeId) => _byNode.GetValueOrDefault(nodeId).Live;

    public void Add(string nodeId, bool stays = true)
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_byNode, nodeId, out _);
        count.Live++;
        count.Staying += stays ? 1 : 0;
    }

    private record struct Count(int Live, int Staying);
}
