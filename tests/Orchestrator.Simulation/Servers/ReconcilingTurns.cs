using Orchestrator.Control.Leading;
using Orchestrator.Model;
using Orchestrator.Simulation.Running;

namespace Orchestrator.Simulation.Servers;

/// <summary>When the leader reconciles: after every change, when a back-off ends, and a while after a refusal.</summary>
internal sealed class ReconcilingTurns(SimulatedCluster cluster, SimulatedServer server, LeaderWork work)
{
    private const long DebounceMs = 3, PauseAfterRefusalMs = 1000, LongestWaitMs = 3_600_000;

    private ulong? _waitsAfter;
    private int _turn;

    public void Look()
    {
        _waitsAfter = null;
        var (state, seed) = (server.State, cluster.Dice.Next());
        var result = cluster.Rules.Reconcile(state, server.WallMs, seed);
        cluster.Checks.Reconciled(state, server.WallMs, result);
        if (result.Operations.Count == 0)
        {
            Wait(state.Revision, result.NextWakeMs);
            return;
        }
        work.Propose(ReconcilingLoop.Beginning(result.Operations), answer =>
        {
            if (answer.Refusal is null)
                Wait(state.Revision, result.NextWakeMs);
            else
                work.After(PauseAfterRefusalMs, () => Wait(state.Revision, result.NextWakeMs));
        });
    }

    public void SeeState()
    {
        if (server.State.Revision > _waitsAfter)
            LookSoon();
    }

    private void Wait(ulong revision, long? wakeMs)
    {
        _waitsAfter = revision;
        if (server.State.Revision > revision)
        {
            LookSoon();
            return;
        }
        var turn = _turn;
        work.After(Math.Min(LongestWaitMs, wakeMs is { } at ? Math.Max(0, at - server.WallMs) : LongestWaitMs), () =>
        {
            if (turn == _turn && _waitsAfter is not null)
                LookSoon();
        });
    }

    private void LookSoon()
    {
        _waitsAfter = null;
        _turn++;
        work.After(DebounceMs, Look);
    }
}
