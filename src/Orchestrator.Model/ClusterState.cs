using System.Collections.Immutable;
using System.Security.Cryptography;
using Orchestrator.Model.Applying;
using Orchestrator.Model.Indexes;

namespace Orchestrator.Model;

/// <summary>Everything the cluster keeps, at one revision. Immutable: a reader may hold it as long as it likes. The messages in it must
/// not be changed. Dictionaries are in ordinal order of the id.</summary>
public sealed class ClusterState
{
    /// <summary>Answers that are remembered for repeated requests; the oldest goes first.</summary>
    public const int AnswersMax = 10_000;

    public static ClusterState Empty { get; } = new();

    /// <summary>Raft index of the last applied change.</summary>
    public ulong Revision { get; internal init; }

    /// <summary>Highest Raft term of an applied change.</summary>
    public ulong Term { get; internal init; }

    public Cluster? Cluster { get; internal init; }

    public ImmutableSortedDictionary<string, Stack> Stacks { get; internal init; } = ById<Stack>();

    public ImmutableSortedDictionary<string, Service> Services { get; internal init; } = ById<Service>();

    public ImmutableSortedDictionary<string, Network> Networks { get; internal init; } = ById<Network>();

    public ImmutableSortedDictionary<string, Node> Nodes { get; internal init; } = ById<Node>();

    public ImmutableSortedDictionary<string, Replica> Replicas { get; internal init; } = ById<Replica>();

    internal ImmutableSortedDictionary<string, ServiceReplicas> ByService { get; init; } = ById<ServiceReplicas>();

    internal ImmutableSortedDictionary<string, NodeReplicas> ByNode { get; init; } = ById<NodeReplicas>();

    /// <summary>The nodes that may take replicas, best first.</summary>
    internal ImmutableSortedSet<NodeRank> Ranking { get; init; } = [];

    /// <summary>Ids of services at which the reconciler must look.</summary>
    internal ImmutableSortedSet<string> Unsettled { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    internal Answers Answered { get; init; } = Answers.None;

    /// <summary>The replicas of a service, by slot, ended ones too.</summary>
    public ServiceReplicas ReplicasOf(string serviceId) => ByService.GetValueOrDefault(serviceId, ServiceReplicas.None);

    /// <summary>The replicas that a node holds or must give up, ended ones too, with what the live ones reserve.</summary>
    public NodeReplicas ReplicasOn(string nodeId) => ByNode.GetValueOrDefault(nodeId, NodeReplicas.None);

    /// <summary>The state after <paramref name="change"/>, and what became of it. Same state and change, same result, on every server.
    /// Never throws: what cannot be applied is refused, and then none of its operations is applied.</summary>
    /// <param name="change">What to do.</param>
    /// <param name="revision">Raft index of the entry; must grow.</param>
    /// <param name="term">Raft term of the entry.</param>
    public (ClusterState State, ChangeResult Result) Apply(Change change, ulong revision, ulong term) =>
        ChangeApplication.Apply(this, change, revision, term);

    public StateSnapshot ToSnapshot() => Snapshots.Write(this);

    public static ClusterState FromSnapshot(StateSnapshot snapshot) => Snapshots.Read(snapshot);

    /// <summary>The snapshot's bytes; equal states have equal bytes whatever changes led to them.</summary>
    public byte[] ToBytes() => Snapshots.CanonicalBytes(ToSnapshot());

    /// <summary>SHA-256 of <see cref="ToBytes"/>.</summary>
    public byte[] Digest() => SHA256.HashData(ToBytes());

    // Objects are replaced, not changed: whether one is the same need not be asked field by field.
    internal static ImmutableSortedDictionary<string, T> ById<T>()
        where T : class => ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal, ReferenceEqualityComparer.Instance);
}
