using Orchestrator.Model;
using Orchestrator.Simulation.Agents;
using Orchestrator.Simulation.Faults;
using Orchestrator.Simulation.Invariants;
using Orchestrator.Simulation.Links;
using Orchestrator.Simulation.Machines;
using Orchestrator.Simulation.Servers;
using Orchestrator.Simulation.Users;

namespace Orchestrator.Simulation.Running;

/// <summary>Everything of one run, made from its seed.</summary>
internal sealed class SimulatedCluster
{
    public const int MachinesMax = 6;

    /// <summary>What wall clocks show at the start.</summary>
    public const long EpochMs = 1_700_000_000_000;

    private readonly List<SimulatedServer> _servers = [];
    private readonly List<SimulatedMachine> _machines = [];

    public SimulatedCluster(ulong seed, Rules rules, bool traces)
    {
        (Dice, Rules, Trace) = (new(seed), rules, new(Time, traces));
        Network = new(Time, Dice);
        Log = new(this);
        User = new(this);
        Checks = new(this);
        Repeats = Dice.Chance(50);
        for (var i = Dice.Chance(75) ? 3 : 1; i > 0; i--)
            _servers.Add(new SimulatedServer(this, $"s{_servers.Count + 1}"));
        for (var i = Dice.Between(1, 5); i > 0; i--)
            AddMachine();
    }

    public Timeline Time { get; } = new();
    public Dice Dice { get; }
    public Trace Trace { get; }
    public Rules Rules { get; }
    public SimulatedNetwork Network { get; }
    public ReplicatedLog Log { get; }
    public SimulatedUser User { get; }
    public Checks Checks { get; }
    public IReadOnlyList<SimulatedServer> Servers => _servers;
    public IReadOnlyList<SimulatedMachine> Machines => _machines;

    /// <summary>Agents' reports may come twice in this run.</summary>
    public bool Repeats { get; }

    public SimulatedMachine? Machine(string nodeId) => _machines.Find(m => m.Name == nodeId);

    public IEnumerable<SimulatedAgent> Agents => _machines.Select(m => m.Agent).OfType<SimulatedAgent>();

    public void AddMachine()
    {
        var description = new NodeDescription
        {
            NanoCpus = Dice.Between(1, 4) * 1_000_000_000L, MemoryBytes = Dice.Between(1, 6) * (1L << 30), Os = "linux", Architecture = "amd64",
            Address = $"192.168.0.{_machines.Count + 1}",
        };
        var machine = new SimulatedMachine(this, $"n{_machines.Count + 1}", description) { Labels = { ["zone"] = Dice.Of(SpecChoice.Zones) } };
        _machines.Add(machine);
        Trace.Write(machine.Name, $"joins with {Amount.Cpus(description.NanoCpus)}, {Amount.Bytes(description.MemoryBytes)}, zone {machine.Labels["zone"]}");
        Time.After(Dice.Between(0, 500), machine.StartAgent);
    }

    public void Start()
    {
        Log.Start();
        Look();
    }

    /// <summary>One moment of trouble, and the next.</summary>
    public void Trouble(long untilMs, int meanMs)
    {
        if (Time.NowMs >= untilMs)
            return;
        Fault.Happen(this);
        Time.After(Dice.Wait(meanMs), () => Trouble(untilMs, meanMs));
    }

    public void Use(long untilMs, int meanMs)
    {
        if (Time.NowMs >= untilMs)
            return;
        User.Act();
        Time.After(Dice.Wait(meanMs), () => Use(untilMs, meanMs));
    }

    /// <summary>All trouble ends, except for a machine that may be gone for good.</summary>
    public void Calm()
    {
        Trace.Write("all", $"calm begins");
        Network.HealAll();
        Log.SlowMs = 0;
        foreach (var server in _servers)
        {
            server.Restart();
            server.Resume();
        }
        foreach (var machine in _machines)
            Calm(machine);
        if (Dice.Chance(25) && Dice.Of(_machines, m => m.IsOn) is { } gone)
        {
            gone.IsLostForGood = true;
            gone.PowerOff();
        }
    }

    private static void Calm(SimulatedMachine machine)
    {
        (machine.IsDiskFull, machine.HasNoRegistry, machine.SlowMs) = (false, false, 0);
        foreach (var container in machine.Containers.Values)
            container.IsAiling = false;
        machine.PowerOn(wiped: false);
        machine.StartAgent();
        machine.Agent?.Resume();
    }

    private void Look()
    {
        foreach (var server in _servers)
            server.Look();
        Checks.Look();
        Time.After(200, Look);
    }
}
