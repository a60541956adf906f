namespace Orchestrator.Model.Indexes;

/// <summary>A node's place among those that may take replicas: the most free first, then the fewest replicas, then by id.</summary>
/// <param name="FreeShare">Free part of both resources, in thousandths of each: 0 to 2000.</param>
/// <param name="Live">Replicas on it that have not ended.</param>
/// <param name="NodeId">Whose.</param>
internal readonly record struct NodeRank(long FreeShare, int Live, string NodeId) : IComparable<NodeRank>
{
    /// <summary>Null: the node takes no replicas, as it is drained or not ready.</summary>
    public static NodeRank? Of(Node? node, NodeReplicas held) =>
        node is { Status: NodeStatus.NodeReady, Availability: Availability.Active }
            ? new(Share(node, Free(node.Description?.NanoCpus, held.ReservedNanoCpus), Free(node.Description?.MemoryBytes, held.ReservedMemoryBytes)), held.Live, node.Id)
            : null;

    public static long Share(Node node, long freeNanoCpus, long freeMemoryBytes) =>
        Share(freeNanoCpus, node.Description?.NanoCpus ?? 0) + Share(freeMemoryBytes, node.Description?.MemoryBytes ?? 0);

    public int CompareTo(NodeRank other)
    {
        if (FreeShare != other.FreeShare)
            return other.FreeShare.CompareTo(FreeShare);
        return Live != other.Live ? Live.CompareTo(other.Live) : string.CompareOrdinal(NodeId, other.NodeId);
    }

    private static long Free(long? total, long reserved) => (total ?? 0) - reserved;

    private static long Share(long free, long total)
    {
        if (total <= 0 || free <= 0)
            return 0;
        return free <= long.MaxValue / 1000 ? free * 1000 / total : (long)((Int128)free * 1000 / total);
    }
}
