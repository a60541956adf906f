using Orchestrator.Model;
using Orchestrator.Simulation.Running;
using Orchestrator.Simulation.Servers;

namespace Orchestrator.Simulation.Users;

/// <summary>People at the command line: a request goes to some server, is repeated with the same id elsewhere when no answer comes, and an earlier copy of
/// it may arrive late.</summary>
internal sealed class SimulatedUser(SimulatedCluster cluster)
{
    private const string Name = "u";
    private const int PatienceMs = 2000, AttemptsMax = 6, ForwardingMs = 3000;

    private int _last;

    public void Act()
    {
        if (UserActions.Choose(cluster, cluster.Log.Newest) is { } action)
            Ask(action);
    }

    public void Ask(UserAction action)
    {
        var request = new UserRequest($"r{++_last}", action);
        cluster.Trace.Write(Name, $"{request.Id}: {action.Text}");
        cluster.Checks.Asked(request);
        Attempt(request, 1);
    }

    private void Attempt(UserRequest request, int attempt)
    {
        if (request.IsAnswered || attempt > AttemptsMax)
            return;
        var server = cluster.Dice.Of<SimulatedServer>(cluster.Servers);
        Send(server, request);
        if (cluster.Dice.Chance(10))
            cluster.Time.After(cluster.Dice.Between(500, 8000), () => Send(server, request));
        cluster.Time.After(PatienceMs, () => Attempt(request, attempt + 1));
    }

    private void Send(SimulatedServer server, UserRequest request) =>
        cluster.Network.Send([Name, server.Name], () => server.Do(() => Handle(server, request, isForwarded: false)));

    private void Handle(SimulatedServer server, UserRequest request, bool isForwarded)
    {
        if (server.Work is { } work)
            server.After(cluster.Dice.Between(1, 5), () => Propose(server, work, request));
        else if (!isForwarded && cluster.Log.Leader is { } leader && leader != server)
            cluster.Network.Send([server.Name, leader.Name], () => leader.Do(() => Handle(leader, request, isForwarded: true)));
    }

    // The read barrier: a leader that is none any more does not answer from its state.
    private void Propose(SimulatedServer server, LeaderWork work, UserRequest request)
    {
        if (work.IsOver || !cluster.Log.IsLeader(server, work.Term) || request.Action.ToOperation(server.State) is not { } operation)
            return;
        server.Propose(work.Term, new Change { NowMs = server.WallMs, RequestId = request.Id, Operations = { operation } }, result =>
        {
            if (result is not null)
                cluster.Network.Send([server.Name, Name], () => Answered(request, result));
        });
    }

    private void Answered(UserRequest request, ChangeResult result)
    {
        if (!request.IsAnswered)
            cluster.Trace.Write(Name, $"{request.Id}: {result.Refusal?.Message ?? "done"} (revision {result.Revision})");
        request.IsAnswered = true;
        cluster.Checks.Acknowledged(request, result);
    }
}
