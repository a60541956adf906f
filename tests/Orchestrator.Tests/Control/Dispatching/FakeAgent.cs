using Grpc.Core;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Orchestrator.Transport;

namespace Orchestrator.Tests.Control.Dispatching;

/// <summary>An agent's side of a session, by hand.</summary>
internal sealed class FakeAgent : IDisposable
{
    private readonly AsyncDuplexStreamingCall<AgentMessage, ServerMessage> _session;
    private readonly Dispatcher.DispatcherClient _client;

    private FakeAgent(Dispatcher.DispatcherClient client) => (_client, _session) = (client, client.Session(cancellationToken: ServerGroup.Deadline));

    public Dictionary<string, Assignment> Assigned { get; } = [];

    public ServerMessage Last => _session.ResponseStream.Current;

    public static async Task<FakeAgent> RegisterAsync(ServerChannel channel, string id, params SetObservedReport[] holds)
    {
        var agent = new FakeAgent(new Dispatcher.DispatcherClient(channel));
        var register = new Register { NodeId = id, Hostname = $"host-{id}", Description = Specs.Node(4, 4096), Replicas = { holds } };
        await agent._session.RequestStream.WriteAsync(new AgentMessage { Register = register });
        return agent;
    }

    /// <summary>Reads until the condition holds, taking assignments in on the way.</summary>
    public async Task UntilAsync(Func<ServerMessage, bool> condition)
    {
        do
        {
            if (!await _session.ResponseStream.MoveNext(ServerGroup.Deadline))
                throw new InvalidOperationException("the session ended");
            foreach (var put in Last.Assignments?.Put ?? [])
                Assigned[put.ReplicaId] = put;
            foreach (var id in Last.Assignments?.Remove ?? [])
                Assigned.Remove(id);
        }
        while (!condition(Last));
    }

    public Task HeartbeatAsync() => _session.RequestStream.WriteAsync(new AgentMessage { Heartbeat = new() });

    public Task ReportAsync(ReplicaState state, params IEnumerable<string> replicaIds) => _session.RequestStream.WriteAsync(new AgentMessage
    {
        Observed = new() { Replicas = { replicaIds.Select(id => new SetObservedReport { ReplicaId = id, Observed = new() { State = state } }) } },
    });

    public AsyncDuplexStreamingCall<StreamChunk, StreamChunk> Attach() => _client.Attach(cancellationToken: ServerGroup.Deadline);

    public void Dispose() => _session.Dispose();
}
