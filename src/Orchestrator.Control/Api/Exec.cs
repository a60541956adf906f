using Grpc.Core;
using Orchestrator.Control.Dispatching;
using Orchestrator.Control.Leading;
using Orchestrator.Control.Store;
using Orchestrator.Model;

namespace Orchestrator.Control.Api;

/// <summary>Bridges a client's terminal to the agent that runs the command.</summary>
internal sealed class Exec(ReplicatedStore store, Leader leader)
{
    public async Task RunAsync(IAsyncStreamReader<ExecInput> requests, IServerStreamWriter<ExecOutput> responses, CancellationToken cancellation)
    {
        if (!await requests.MoveNext(cancellation) || requests.Current.Start is not { } start)
            throw Refusals.Invalid("exec begins with start");
        if (start.Command.Count == 0)
            throw Refusals.Invalid("exec: the command is empty");
        var work = await leader.CurrentAsync(cancellation);
        await store.ReadBarrierAsync(cancellation);
        var replica = Lookup.Replica(store.State, start.Replica);
        if (replica.State() != ReplicaState.Running)
            throw Refusals.Precondition($"replica {replica.Service}.{replica.Slot} ({replica.Id}) is not running: it is {replica.State()}");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, work.Lost);
        using var stream = await OpenAsync(work, replica, start, stop.Token);
        await Together.RunAsync(stop.Token, ended => OutputAsync(stream, responses, ended), ended => InputAsync(requests, stream, ended));
    }

    private static async Task<AgentStream> OpenAsync(LeaderWork work, Replica replica, ExecStart start, CancellationToken cancellation)
    {
        try
        {
            return await work.Streams.OpenAsync(replica.NodeId, new OpenStream { ReplicaId = replica.Id, Exec = start }, cancellation);
        }
        catch (AgentUnreachableException e)
        {
            throw Refusals.Precondition(e.Message);
        }
    }

    private static async Task OutputAsync(AgentStream stream, IServerStreamWriter<ExecOutput> responses, CancellationToken cancellation)
    {
        await foreach (var chunk in stream.ReadAsync(cancellation))
        {
            if (chunk.Output is not { } output)
                continue;
            await responses.WriteAsync(output, cancellation);
            if (output.KindCase is ExecOutput.KindOneofCase.ExitCode or ExecOutput.KindOneofCase.Error)
                return;
        }
        await responses.WriteAsync(new ExecOutput { Error = "the node's agent went away" }, cancellation);
    }

    // When the client has said all, the output still goes on: this part ends with the other one only.
    private static async Task InputAsync(IAsyncStreamReader<ExecInput> requests, AgentStream stream, CancellationToken cancellation)
    {
        await foreach (var input in requests.ReadAllAsync(cancellation))
            await stream.WriteAsync(new StreamChunk { Input = input }, cancellation);
        await stream.WriteAsync(new StreamChunk { Input = new ExecInput { StdinClosed = true } }, cancellation);
        await Task.Delay(Timeout.Infinite, cancellation);
    }
}
