using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model.Reconciling;

/// <summary>What must hold after every change, and what must hold when all is calm.</summary>
internal sealed class Laws
{
    private ClusterState _before = ClusterState.Empty;

    public void Check(ClusterState state)
    {
        foreach (var node in state.Nodes.Values)
            CheckNode(state, node);
        foreach (var replica in state.Replicas.Values)
            if (_before.Replicas.TryGetValue(replica.Id, out var before) && before != replica)
                CheckAdvance(before, replica);
        foreach (var service in state.Services.Keys)
            Assert.All(state.ReplicasOf(service).Slots.Values, slot => Assert.InRange(slot.All.Count(IsUp), 0, 2));
        _before = state;
    }

    public static void CheckEnd(FakeCluster cluster)
    {
        var state = cluster.State;
        foreach (var service in state.Services.Values)
        {
            Assert.False(service.Removing);
            var live = state.ReplicasOf(service.Id).All.Where(r => r.IsLive()).ToList();
            Assert.True(
                service.Rollout.State == RolloutState.RolloutComplete || live.Exists(r => r.Message.StartsWith("no node", StringComparison.Ordinal)),
                $"{service}\n{string.Join('\n', state.ReplicasOf(service.Id).All.Select(r => $"{r.Slot} {r.SpecRevision} {r.Desired} {r.Observed} running {r.RunningMs} failures {r.FailuresInRow} {r.Message}"))}\n{cluster.NowMs} {cluster.WakeMs}");
            var asked = AskedSlots.Of(state, service);
            Assert.Equal(asked.Count, live.Count);
            var homeless = live.RemoveAll(r => r.Message.StartsWith("no node", StringComparison.Ordinal));
            Assert.All(live, r => Assert.Equal((ReplicaState.Running, service.SpecRevision), (r.State(), r.SpecRevision)));
            Assert.All(live, r => Assert.True(asked.Contains(r.Slot)));
            Assert.Equal(asked.Count - homeless, live.Select(r => r.Slot).Distinct().Count());
            if (service.Spec.Mode == ServiceMode.Global)
                Assert.All(live, r => Assert.Equal(r.Slot, state.Nodes[r.NodeId].Block - 15));
            Assert.Equal(asked.Count - homeless, cluster.Running(service.Id));
        }
        Assert.Equal(state.Services.Keys.Sum(cluster.Running), cluster.Containers());
        Assert.All(state.Networks.Values, n => Assert.True(state.Stacks.ContainsKey(n.Stack)));
    }

    private static void CheckNode(ClusterState state, Node node)
    {
        var held = state.ReplicasOn(node.Id);
        var live = held.All.Values.Where(r => r.IsLive()).ToList();
        Assert.Equal(live.Count, held.Live);
        Assert.Equal(live.Sum(r => r.Spec.Reservations?.NanoCpus ?? 0), held.ReservedNanoCpus);
        Assert.Equal(live.Sum(r => r.Spec.Reservations?.MemoryBytes ?? 0), held.ReservedMemoryBytes);
        Assert.InRange(held.ReservedNanoCpus, 0, node.Description.NanoCpus);
        Assert.InRange(held.ReservedMemoryBytes, 0, node.Description.MemoryBytes);
    }

    private static void CheckAdvance(Replica before, Replica after)
    {
        Assert.True(after.State() >= before.State());
        Assert.True(before.IsLive() || before.Observed.Equals(after.Observed));
        Assert.True(before.NodeId.Length == 0 || before.NodeId == after.NodeId);
        Assert.True(before.Desired <= after.Desired);
        Assert.True(before.Revision < after.Revision);
    }

    private static bool IsUp(Replica replica) => replica.IsLive() && replica.Desired == DesiredState.DesiredRunning;
}
