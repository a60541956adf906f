using System.Globalization;
using Google.Protobuf;
using Orchestrator.Model;
using Orchestrator.Model.Reconciling;

namespace Orchestrator.Bench.Scale;

/// <summary>The state machine of one server with the leader's reconciling and agents that report what they are told to run: all that a large cluster asks
/// of the model, without disks and network. Every change goes through its bytes, as it does in the log. Times are CPU time, garbage collection included,
/// so that other programs do not count.</summary>
internal sealed class LargeCluster
{
    // As the leader cuts them.
    private const int ChangeBytesMax = 1 << 20;

    private readonly Queue<Operation> _reports = [];
    private ulong _seed = 1;

    public LargeCluster(int nodes)
    {
        var snapshot = new StateSnapshot { Revision = 1, Term = 1 };
        snapshot.Nodes.AddRange(Enumerable.Range(0, nodes).Select(NodeOf).OrderBy(n => n.Id, StringComparer.Ordinal));
        State = ClusterState.FromSnapshot(StateSnapshot.Parser.ParseFrom(snapshot.ToByteArray()));
    }

    public ClusterState State { get; private set; }

    public long NowMs { get; private set; } = 1_000_000;

    public TimeSpan Reconciling { get; private set; }

    public TimeSpan Applying { get; private set; }

    public long Bytes { get; private set; }

    public int Rounds { get; private set; }

    public void Do(params IReadOnlyList<Operation> operations)
    {
        var change = new Change { NowMs = NowMs, Operations = { operations } };
        var bytes = change.ToByteArray();
        Bytes += bytes.Length;
        var started = Environment.CpuUsage.TotalTime;
        var (state, result) = State.Apply(Change.Parser.ParseFrom(bytes), State.Revision + 1, 1);
        Applying += Environment.CpuUsage.TotalTime - started;
        if (result.Refusal is { } refusal)
            throw new InvalidOperationException(refusal.Message);
        State = state;
        foreach (var operation in operations)
            if ((operation.CreateReplica?.Id ?? operation.AssignReplica?.ReplicaId) is { } id && State.Replicas[id].NodeId.Length > 0)
                _reports.Enqueue(Report(State.Replicas[id], ReplicaState.Starting));
    }

    /// <summary>As the leader does: looks, proposes as much as one change may hold, looks again.</summary>
    public void Reconcile()
    {
        while (true)
        {
            NowMs++;
            var started = Environment.CpuUsage.TotalTime;
            var operations = Reconciler.Reconcile(State, NowMs, ++_seed).Operations;
            Reconciling += Environment.CpuUsage.TotalTime - started;
            Rounds++;
            if (operations.Count == 0)
                return;
            Do(Beginning(operations));
        }
    }

    /// <summary>The agents report every replica starting, then running, as many in a change as fit.</summary>
    public void Report()
    {
        NowMs += 100;
        while (_reports.Count > 0)
        {
            var batch = new List<Operation>();
            for (var bytes = 0; bytes < ChangeBytesMax && _reports.TryDequeue(out var report); bytes += report.CalculateSize())
                batch.Add(report);
            Do(batch);
            foreach (var report in batch)
                if (report.SetObserved.Observed.State == ReplicaState.Starting)
                    _reports.Enqueue(Report(State.Replicas[report.SetObserved.ReplicaId], ReplicaState.Running));
        }
    }

    public void Settle()
    {
        Reconcile();
        Report();
        NowMs += 10_000;
        Reconcile();
    }

    private static IReadOnlyList<Operation> Beginning(IReadOnlyList<Operation> operations)
    {
        var bytes = 0;
        return [.. operations.TakeWhile((operation, i) => (bytes += operation.CalculateSize()) <= ChangeBytesMax || i == 0)];
    }

    private Operation Report(Replica replica, ReplicaState state)
    {
        var observed = new Observed { State = state, Pid = 4711, StartedMs = NowMs };
        foreach (var network in replica.Spec.Networks)
            observed.Addresses[$"{replica.Stack}_{network.Network}"] = "10.160.17.23";
        return new() { SetObserved = new() { ReplicaId = replica.Id, NodeId = replica.NodeId, Observed = observed } };
    }

    private static Node NodeOf(int i) => new()
    {
        Id = string.Create(CultureInfo.InvariantCulture, $"node{i:00000}xxxxxxx"),
        Hostname = string.Create(CultureInfo.InvariantCulture, $"worker-{i}"),
        Status = NodeStatus.NodeReady,
        Labels = { ["zone"] = $"z{i % 10}", ["class"] = $"c{i % 4}" },
        Description = new() { Address = "10.0.0.1", NanoCpus = 64_000_000_000, MemoryBytes = 256L << 30, Os = "linux", Architecture = "amd64" },
    };
}
