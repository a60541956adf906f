using Orchestrator.Agent.Replicas;
using Orchestrator.Agent.Session;
using Orchestrator.Model;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Agents;

/// <summary>
/// A model of the agent's process: its loops on virtual time around the real pure parts (which step comes next, what an end means, what is no longer
/// assigned, which report is newest, health progress, merging of networks and endpoints).
/// </summary>
internal sealed class SimulatedAgent
{
    private readonly SimulatedCluster _cluster;
    private readonly SimulatedMachine _machine;
    private readonly Queue<Action> _deferred = new();
    private readonly Queue<Assignments> _assignments = new();
    private readonly SortedDictionary<string, SimulatedReplica> _replicas = new(StringComparer.Ordinal);
    private readonly AgentConnection _connection;
    private bool _isDead;
    private bool _applying;

    public SimulatedAgent(SimulatedCluster cluster, SimulatedMachine machine)
    {
        (_cluster, _machine) = (cluster, machine);
        _connection = new(cluster, this);
    }

    public SimulatedMachine Machine => _machine;

    public string NodeId => _machine.Name;

    public bool IsPaused { get; private set; }

    public long ResumedMs { get; private set; }

    public ObservedReports Reports { get; } = new();

    public AssignedNetworks Plane { get; } = new();

    public IReadOnlyDictionary<string, SimulatedReplica> Replicas => _replicas;

    /// <summary>Since when it has had a session without a break; null: it has none.</summary>
    public long? ConnectedSinceMs => _connection.SinceMs;

    public SimulatedCluster Cluster => _cluster;

    public void Start()
    {
        if (_machine.Plane is { } known)
            Plane.Merge(known);
        foreach (var stray in _machine.Containers.Keys.Where(id => !_machine.Records.ContainsKey(id)).ToList())
            Remove(stray);
        foreach (var record in _machine.Records.Values.ToList())
            Carry(record);
        _connection.Connect();
    }

    /// <param name="orderly">The process alone ends: the kernel closes its connections.</param>
    public void Die(bool orderly)
    {
        _isDead = true;
        _deferred.Clear();
        foreach (var container in _machine.Containers.Values)
            container.Changed = null;
        if (orderly)
            _connection.Close();
        Reports.Dispose();
    }

    public void Pause() => IsPaused = true;

    public void Resume()
    {
        if (!IsPaused)
            return;
        (IsPaused, ResumedMs) = (false, _cluster.Time.NowMs);
        for (var left = _deferred.Count; left > 0 && !IsPaused && !_isDead; left--)
            _deferred.Dequeue()();
    }

    /// <summary>In this life of the process only; while it is paused, later.</summary>
    public void Do(Action action)
    {
        if (_isDead)
            return;
        if (IsPaused)
            _deferred.Enqueue(action);
        else
            action();
    }

    public void After(long delayMs, Action action) => _cluster.Time.After(delayMs, () => Do(action));

    /// <summary>Local work: slower on a slow machine.</summary>
    public void Work(long delayMs, Action action) => After(delayMs + _machine.SlowMs, action);

    public void Take(Assignments assignments)
    {
        _assignments.Enqueue(assignments);
        if (!_applying)
            Apply();
    }

    public Register Register()
    {
        Reports.Take();
        var register = new Register { NodeId = NodeId, Hostname = NodeId, Description = _machine.Description, Labels = { _machine.Labels } };
        register.Replicas.AddRange(_cluster.Rules.Holds(_replicas.Values.Select(r => new SetObservedReport { ReplicaId = r.Id, Observed = r.Observed })));
        return register;
    }

    public void Report(string replicaId, Observed observed)
    {
        Reports.Put(replicaId, observed);
        _connection.ReportSoon();
    }

    /// <summary>A full disk keeps no replica from being stopped or reported.</summary>
    public void Save(ReplicaRecord record)
    {
        if (!_machine.IsDiskFull)
            _machine.Records[record.Assignment.ReplicaId] = record;
    }

    public void Forget(string replicaId)
    {
        Remove(replicaId);
        _machine.Records.Remove(replicaId);
        _replicas.Remove(replicaId);
    }

    // Networks and endpoints first: first nobody calls a replica, then it stops.
    private void Apply()
    {
        _applying = true;
        Work(_cluster.Dice.Between(1, 8), () =>
        {
            var batch = _assignments.ToList();
            _assignments.Clear();
            foreach (var assignments in batch)
                Plane.Merge(assignments);
            if (!_machine.IsDiskFull)
                _machine.Plane = Plane.ToWhole();
            foreach (var assignments in batch)
                ApplyReplicas(assignments);
            _applying = false;
            if (_assignments.Count > 0)
                Apply();
        });
    }

    private void ApplyReplicas(Assignments assignments)
    {
        foreach (var assignment in assignments.Put)
            Put(assignment);
        foreach (var id in ReplicaTable.NoLongerAssigned(assignments, _replicas.Keys))
            _replicas[id].Decree(Fate.Remove);
    }

    private void Put(Assignment assignment)
    {
        if (_replicas.TryGetValue(assignment.ReplicaId, out var known))
        {
            if (!known.Assignment.Equals(assignment))
                known.Update(assignment);
            return;
        }
        var record = new ReplicaRecord(assignment, new Observed { State = ReplicaState.Assigned });
        Save(record);
        Carry(record);
    }

    private void Carry(ReplicaRecord record)
    {
        var replica = new SimulatedReplica(this, record);
        _replicas[replica.Id] = replica;
        After(0, replica.Look);
    }

    private void Remove(string containerId)
    {
        if (!_machine.Containers.Remove(containerId, out var container))
            return;
        container.Changed = null;
        _machine.End(container, 137);
    }
}
