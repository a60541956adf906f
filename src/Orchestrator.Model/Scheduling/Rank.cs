using Orchestrator.Model.Indexes;

namespace Orchestrator.Model.Scheduling;

/// <summary>How good a node is for the next replica of a service; the least is the best.</summary>
/// <param name="OfService">Replicas of the service that it has. Counts first; always 0 where the service is packed.</param>
/// <param name="Node">Free resources and number of replicas: the most free first, or the fullest where the service is packed.</param>
/// <param name="Packs">The service is packed.</param>
internal readonly record struct Rank(int OfService, NodeRank Node, bool Packs) : IComparable<Rank>
{
    public int CompareTo(Rank other)
    {
        if (OfService != other.OfService)
            return OfService.CompareTo(other.OfService);
        return Packs ? other.Node.CompareTo(Node) : Node.CompareTo(other.Node);
    }
}
