using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Orchestrator.Simulation.Agents;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Machines;

/// <summary>One worker machine: its containers, its disk, its clock, and the agent's process on it.</summary>
internal sealed class SimulatedMachine(SimulatedCluster cluster, string name, NodeDescription description)
{
    private int _boot;
    private int _lastAddress;

    public string Name => name;

    public NodeDescription Description => description;

    public Dictionary<string, string> Labels { get; } = new(StringComparer.Ordinal);

    public bool IsOn => OffSinceMs is null;

    public long? OffSinceMs { get; private set; }

    /// <summary>It never comes back.</summary>
    public bool IsLostForGood { get; set; }

    public bool IsDiskFull { get; set; }

    public bool HasNoRegistry { get; set; }

    /// <summary>Every local step takes so much longer.</summary>
    public int SlowMs
    {
        get;
        set => (field, SlowChangedMs) = (value, cluster.Time.NowMs);
    }

    public long SlowChangedMs { get; private set; }

    public long ClockOffsetMs { get; set; }

    public long WallMs => SimulatedCluster.EpochMs + cluster.Time.NowMs + ClockOffsetMs;

    public SimulatedAgent? Agent { get; private set; }

    public SortedDictionary<string, SimulatedContainer> Containers { get; } = new(StringComparer.Ordinal);

    /// <summary>Files of the agent's: what each replica was told and last told state.</summary>
    public SortedDictionary<string, ReplicaRecord> Records { get; } = new(StringComparer.Ordinal);

    /// <summary>File of the agent's: networks and endpoints.</summary>
    public Assignments? Plane { get; set; }

    public HashSet<string> Images { get; } = new(StringComparer.Ordinal);

    public IEnumerable<SimulatedContainer> Running => Containers.Values.Where(c => c.State is ContainerState.Starting or ContainerState.Running);

    public string NextAddress() => $"10.{name[1..]}.{++_lastAddress >> 8}.{_lastAddress & 255}";

    public void StartAgent()
    {
        if (!IsOn || Agent is not null)
            return;
        cluster.Trace.Write(name, $"agent starts");
        Agent = new SimulatedAgent(cluster, this);
        Agent.Start();
    }

    public void CrashAgent()
    {
        if (Agent is not { } agent)
            return;
        cluster.Trace.Write(name, $"agent crashes");
        Agent = null;
        agent.Die(orderly: true);
    }

    public void PowerOff()
    {
        if (!IsOn)
            return;
        cluster.Trace.Write(name, $"machine is lost");
        (OffSinceMs, _boot) = (cluster.Time.NowMs, _boot + 1);
        Agent?.Die(orderly: false);
        Agent = null;
        foreach (var container in Containers.Values.Where(c => c.State is ContainerState.Starting or ContainerState.Running).ToList())
            Note(container, new ContainerExit(-1, 0, false, WallMs, "the machine restarted"));
        foreach (var created in Containers.Values.Where(c => c.State == ContainerState.Created).ToList())
            Containers.Remove(created.Id);
    }

    public void PowerOn(bool wiped)
    {
        if (IsOn || IsLostForGood)
            return;
        cluster.Trace.Write(name, $"machine is back{(wiped ? ", its disk wiped" : "")}");
        cluster.Network.Break(name);
        OffSinceMs = null;
        if (wiped)
        {
            Containers.Clear();
            Records.Clear();
            Images.Clear();
            Plane = null;
        }
        StartAgent();
    }

    /// <summary>While the machine is on; the container's keeper does it, whatever becomes of the agent.</summary>
    public void After(long delayMs, Action action)
    {
        var boot = _boot;
        cluster.Time.After(delayMs + SlowMs, () =>
        {
            if (boot == _boot)
                action();
        });
    }

    public void Start(SimulatedContainer container)
    {
        container.State = ContainerState.Starting;
        After(cluster.Dice.Between(10, 60), () =>
        {
            if (container.State != ContainerState.Starting)
                return;
            (container.State, container.StartedAtUnixMs) = (ContainerState.Running, WallMs);
            if (SimulatedProgram.End(container.Image, cluster.Dice) is { } end)
                After(end.AfterMs, () => End(container, end.ExitCode));
            container.Changed?.Invoke();
        });
    }

    public void End(SimulatedContainer container, int exitCode, bool oomKilled = false)
    {
        if (container.State is not (ContainerState.Starting or ContainerState.Running))
            return;
        cluster.Trace.Write(name, $"container {container.Id} of {container.Image} ends with {exitCode}");
        Note(container, new ContainerExit(exitCode, 0, oomKilled, WallMs));
        container.Changed?.Invoke();
    }

    private static void Note(SimulatedContainer container, ContainerExit exit) => (container.State, container.Exit) = (ContainerState.Ended, exit);
}
