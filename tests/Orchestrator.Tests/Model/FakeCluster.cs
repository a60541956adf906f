using Orchestrator.Model;
using Orchestrator.Model.Reconciling;
using Xunit;

namespace Orchestrator.Tests.Model;

/// <summary>A leader that reconciles after every change and agents that do as they are told, on virtual time. What an image does is in its name: "bad"
/// fails as soon as it runs, "once" completes, "stuck" never gets healthy, anything else runs.</summary>
internal sealed class FakeCluster
{
    public const long StepMs = 100;

    private readonly Dictionary<string, Dictionary<string, ReplicaState>> _containers = [];
    private readonly HashSet<string> _cut = [];
    private ulong _seed;

    public FakeCluster(ulong seed = 1) => _seed = seed;

    public ClusterState State { get; private set; } = ClusterState.Empty;

    public long NowMs { get; private set; } = 1_000_000;

    public long? WakeMs { get; private set; }

    /// <summary>Sees each state that a change led to.</summary>
    public event Action<ClusterState>? Applied;

    public List<Change> Log { get; } = [];

    public ChangeResult Propose(params IEnumerable<Operation> operations)
    {
        var change = new Change { NowMs = NowMs, Operations = { operations } };
        Log.Add(change);
        (State, var result) = State.Apply(change, State.Revision + 1, 1);
        Applied?.Invoke(State);
        return result;
    }

    public void Do(params IEnumerable<Operation> operations) => Assert.Null(Propose(operations).Refusal);

    public void AddNode(string name, long cpus = 4, long memoryMiB = 8192, IEnumerable<KeyValuePair<string, string>>? labels = null)
    {
        var put = new PutNode { Id = name, Hostname = name, Description = Specs.Node(cpus, memoryMiB) };
        foreach (var (key, value) in labels ?? [])
            put.InitialLabels[key] = value;
        _containers.TryAdd(name, []);
        Do(new Operation { PutNode = put }, Status(name, NodeStatus.NodeReady));
    }

    /// <summary>Reconciles until nothing is to be done, which must be after one round.</summary>
    public void Reconcile()
    {
        var result = Reconciler.Reconcile(State, NowMs, ++_seed);
        WakeMs = result.NextWakeMs;
        if (result.Operations.Count == 0)
            return;
        CheckPlacements(result.Operations);
        Do(result.Operations);
        var again = Reconciler.Reconcile(State, NowMs, ++_seed);
        // Words for people tell of the round as it was when it came to them.
        if (again.Operations.Count > 0 && again.Operations.All(o => o.SetRollout is { RollsBack: false } set && State.Services[set.ServiceId].Rollout.State == set.State))
        {
            Do(again.Operations);
            again = Reconciler.Reconcile(State, NowMs, ++_seed);
        }
        Assert.True(again.Operations.Count == 0, $"after\n{string.Join('\n', result.Operations)}\nthere is still to do\n{string.Join('\n', again.Operations)}\n{string.Join('\n', State.Services.Values)}");
        WakeMs = again.NextWakeMs;
    }

    /// <summary>Time goes on; each agent takes each of its replicas one state further.</summary>
    public void Step()
    {
        NowMs += StepMs;
        Reconcile();
        var reports = _containers.Keys.Where(n => !_cut.Contains(n)).SelectMany(Work).ToList();
        if (reports.Count > 0)
            Do(reports);
        Reconcile();
    }

    /// <summary>Steps until nothing changes any more and nothing is waited for within <paramref name="patienceMs"/>.</summary>
    public void Settle(long patienceMs = 0)
    {
        for (var steps = 0; steps < 5000; steps++)
        {
            var before = (State.Revision, Containers());
            Step();
            if (before == (State.Revision, Containers()) && !(WakeMs <= NowMs + patienceMs))
                return;
        }
        Assert.Fail("does not settle");
    }

    public void Cut(string node)
    {
        _cut.Add(node);
        Do(Status(node, NodeStatus.NodeDown));
    }

    public void Return(string node)
    {
        _cut.Remove(node);
        Do(Status(node, NodeStatus.NodeReady));
    }

    public void Drain(string node, Availability availability = Availability.Drain) =>
        Do(new Operation { UpdateNode = new() { NodeId = node, Availability = availability } });

    /// <summary>The replica's process ends; null when its node would not notice or it does not run.</summary>
    public void End(Replica replica, int exitCode)
    {
        if (replica.State() is not (ReplicaState.Starting or ReplicaState.Running) || _cut.Contains(replica.NodeId))
            return;
        _containers[replica.NodeId].Remove(replica.Id);
        Do(Report(replica, exitCode == 0 ? ReplicaState.Complete : ReplicaState.Failed, exitCode));
    }

    /// <summary>Containers that really run, wherever they should be.</summary>
    public int Running(string serviceId) =>
        _containers.Values.SelectMany(c => c).Count(c => c.Value == ReplicaState.Running && State.Replicas.GetValueOrDefault(c.Key)?.ServiceId == serviceId);

    public int Containers() => _containers.Values.Sum(c => c.Count);

    private static Operation Status(string node, NodeStatus status) => new() { SetNodeStatus = new() { NodeId = node, Status = status } };

    private List<Operation> Work(string node)
    {
        var containers = _containers[node];
        var held = State.ReplicasOn(node).All;
        foreach (var id in containers.Keys.Where(id => !held.TryGetValue(id, out var r) || !r.IsLive()).ToList())
            containers.Remove(id);
        return held.Values.Where(r => r.IsLive()).Select(r => Advance(containers, r)).OfType<Operation>().ToList();
    }

    private Operation? Advance(Dictionary<string, ReplicaState> containers, Replica replica)
    {
        var image = replica.Spec.Container.Image;
        ReplicaState? next = (replica.Desired, replica.State()) switch
        {
            (DesiredState.DesiredShutdown, _) => ReplicaState.Shutdown,
            (_, < ReplicaState.Starting) => ReplicaState.Starting,
            (_, ReplicaState.Starting) => image == "stuck" ? null : ReplicaState.Running,
            _ => image switch { "bad" => ReplicaState.Failed, "once" => ReplicaState.Complete, _ => null },
        };
        if (next is not { } state)
            return null;
        if (state.IsFinal())
            containers.Remove(replica.Id);
        else
            containers[replica.Id] = state;
        return Report(replica, state, state == ReplicaState.Failed ? 1 : 0);
    }

    private Operation Report(Replica replica, ReplicaState state, int exitCode)
    {
        var observed = replica.Observed.Clone();
        observed.State = state;
        observed.ExitCode = exitCode;
        observed.StartedMs = state == ReplicaState.Running ? NowMs : observed.StartedMs;
        observed.FinishedMs = state.IsFinal() ? NowMs : 0;
        return new() { SetObserved = new() { ReplicaId = replica.Id, NodeId = replica.NodeId, Observed = observed } };
    }

    private void CheckPlacements(IEnumerable<Operation> operations)
    {
        foreach (var operation in operations)
        {
            var node = operation.AssignReplica?.NodeId ?? operation.CreateReplica?.NodeId ?? "";
            if (node.Length > 0)
                Assert.Equal((NodeStatus.NodeReady, Availability.Active), (State.Nodes[node].Status, State.Nodes[node].Availability));
        }
    }
}
