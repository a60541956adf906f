using Orchestrator.Agent.Health;
using Orchestrator.Agent.Replicas;
using Orchestrator.Engine.Containers;
using Orchestrator.Model;
using Orchestrator.Simulation.Machines;

namespace Orchestrator.Simulation.Agents;

/// <summary>A model of the replica's runner: looks at the facts, does the one next step that they give, looks again.</summary>
internal sealed class SimulatedReplica(SimulatedAgent agent, ReplicaRecord first)
{
    private const int KillMs = 30;

    private ReplicaRecord _record = first;
    private Fate _fate = ReplicaFacts.FateOf(first.Assignment);
    private string? _unhealthy = first.Observed.WhyUnhealthy();
    private bool _released;
    private bool _busy;
    private bool _monitored;
    private bool _gone;
    private int _preparation;

    public string Id => _record.Assignment.ReplicaId;

    public Assignment Assignment => _record.Assignment;

    public Observed Observed => _record.Observed;

    private SimulatedMachine Machine => agent.Machine;

    private SimulatedContainer? Container => Machine.Containers.GetValueOrDefault(Id);

    private string Image => Assignment.Spec.Container.Image;

    public void Update(Assignment assignment)
    {
        _record = _record with { Assignment = assignment };
        agent.Save(_record);
        Decree(ReplicaFacts.FateOf(assignment));
    }

    public void Decree(Fate fate)
    {
        if (fate <= _fate)
            return;
        _fate = fate;
        // What was being prepared is given up.
        if (_preparation > 0)
            (_busy, _preparation) = (false, 0);
        Look();
    }

    public void Look()
    {
        if (_busy || _gone)
            return;
        var step = new ReplicaFacts(Observed.State, _fate, Container?.State, _unhealthy is not null, _released).Next();
        switch (step)
        {
            case ReplicaStep.Wait: Wait(); break;
            case ReplicaStep.Prepare: Prepare(); break;
            case ReplicaStep.Start: Start(); break;
            case ReplicaStep.NoteRunning: NoteRunning(); Look(); break;
            case ReplicaStep.Stop: Stop(); break;
            case ReplicaStep.Finish: Observe(ReplicaOutcome.Of(Observed, _fate, Container?.Exit, _unhealthy, Machine.WallMs)); Look(); break;
            case ReplicaStep.Release: Release(); break;
            case ReplicaStep.Remove: Remove(); break;
        }
    }

    private void Wait()
    {
        if (Container is not { } container)
            return;
        container.Changed = () => agent.Do(Look);
        if (container.State == ContainerState.Running)
            Monitor(container);
    }

    private void Prepare()
    {
        Observe(Observed.At(ReplicaState.Preparing));
        _busy = true;
        var mine = _preparation = agent.Cluster.Dice.Between(1, int.MaxValue);
        agent.Work(Machine.Images.Contains(Image) ? 5 : agent.Cluster.Dice.Between(50, 800), () =>
        {
            if (mine != _preparation)
                return;
            (_busy, _preparation) = (false, 0);
            if (WhyNotPrepared() is { } error)
                Observe(ReplicaOutcome.OfError(Observed, error, null, Machine.WallMs));
            else
                Create();
            Look();
        });
    }

    private string? WhyNotPrepared() => Image switch
    {
        _ when SimulatedProgram.KindOf(Image) == SimulatedProgram.Missing => $"image {Image}: not found",
        _ when !Machine.Images.Contains(Image) && Machine.HasNoRegistry => $"image {Image}: the registry does not answer",
        _ when Machine.IsDiskFull => "no space left on device",
        _ => null,
    };

    private void Create()
    {
        Machine.Images.Add(Image);
        var container = Machine.Containers[Id] = new SimulatedContainer(Id, Image);
        foreach (var network in ContainerSetup.Networks(Assignment))
            container.Addresses[network] = Machine.NextAddress();
        var ready = Observed.At(ReplicaState.Ready);
        ready.Addresses.Add(container.Addresses);
        Observe(ready);
    }

    private void Start()
    {
        Observe(Observed.At(ReplicaState.Starting));
        if (Machine.IsDiskFull)
        {
            Observe(ReplicaOutcome.OfError(Observed, "cannot start: no space left on device", null, Machine.WallMs));
            Look();
            return;
        }
        _busy = true;
        var container = Container!;
        container.Changed = () => agent.Do(() =>
        {
            _busy = false;
            NoteRunning();
            Look();
        });
        Machine.Start(container);
    }

    private void NoteRunning()
    {
        if (Container is not { StartedAtUnixMs: > 0 } container)
            return;
        var running = Observed.At(ReplicaState.Running);
        running.Pid = 1;
        running.StartedMs = container.StartedAtUnixMs;
        running.Addresses.Clear();
        running.Addresses.Add(container.Addresses);
        running.Health = Check is null ? Model.Health.None : Model.Health.Starting;
        Observe(running);
    }

    private void Stop()
    {
        _busy = true;
        var container = Container!;
        var takes = agent.Cluster.Dice.Chance(5) ? (long)ContainerSetup.Grace(Assignment.Spec.Container).TotalMilliseconds : agent.Cluster.Dice.Between(10, 300);
        container.Changed = () => agent.Do(() =>
        {
            _busy = false;
            Look();
        });
        Machine.After(takes, () => Machine.End(container, takes > 300 ? 137 : 143));
    }

    private void Release()
    {
        _busy = true;
        agent.Work(KillMs, () =>
        {
            (_busy, _released) = (false, true);
            Look();
        });
    }

    private void Remove()
    {
        _busy = true;
        agent.Work(KillMs, () =>
        {
            _gone = true;
            agent.Forget(Id);
        });
    }

    private HealthCheck? Check => HealthCheck.Of(Assignment.Spec.Container.Healthcheck, null);

    private void Monitor(SimulatedContainer container)
    {
        if (_monitored || Check is not { } check)
            return;
        _monitored = true;
        var known = Observed.Health == Model.Health.None ? Model.Health.Starting : Observed.Health;
        Probe(container, check, HealthProgress.Starting with { Health = known });
    }

    private void Probe(SimulatedContainer container, HealthCheck check, HealthProgress progress) =>
        agent.Work((long)progress.Wait(check, Age(container)).TotalMilliseconds, () =>
        {
            if (container.State != ContainerState.Running || _gone)
                return;
            var next = progress.After(SimulatedProgram.IsHealthy(container.Image) && !container.IsAiling, check, Age(container));
            if (next.Health != progress.Health)
                NoteHealth(next.Health);
            Probe(container, check, next);
        });

    private TimeSpan Age(SimulatedContainer container) => TimeSpan.FromMilliseconds(Machine.WallMs - container.StartedAtUnixMs);

    private void NoteHealth(Model.Health health)
    {
        if (ReplicaFacts.IsFinal(Observed.State))
            return;
        var changed = Observed.Clone();
        (changed.Health, changed.Message) = (health, health == Model.Health.Unhealthy ? "the check failed" : "");
        Observe(changed);
        if (health == Model.Health.Unhealthy)
            _unhealthy = changed.Message;
        Look();
    }

    private void Observe(Observed observed)
    {
        if (!observed.Follows(Observed))
            return;
        var told = observed.State > Observed.State || observed.Health != Observed.Health;
        _record = _record with { Observed = observed };
        if (told && observed.State >= ReplicaState.Running)
            agent.Save(_record);
        agent.Cluster.Trace.Write(
            agent.NodeId, $"{Id} ({Assignment.Service}.{Assignment.Slot}, {Image}) is {observed.State} {observed.Health} {observed.Message}");
        agent.Report(Id, observed);
    }
}
