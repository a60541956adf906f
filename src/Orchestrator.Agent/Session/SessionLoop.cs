using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Agent.Replicas;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Agent.Session;

/// <summary>Keeps a session with some server, for ever. Without one the node goes on as it is.</summary>
internal sealed class SessionLoop(
    AgentOptions options, NodeMembership membership, ServerChannel servers, ReplicaTable replicas, DataPlane dataPlane, ObservedReports reports,
    StreamServer streams, ILogger logger)
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    // While a service comes up its endpoints change with every replica: what comes in so short a time goes to the kernel together.
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(20);

    private readonly Dispatcher.DispatcherClient _client = new(servers);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Bounded: a server that says more than the machine can do is slowed down by the stream.
        var assignments = Channel.CreateBounded<Assignments>(64);
        // When one ends so does the agent: beating without doing what one is told would be worse than silence.
        await await Task.WhenAny(ConnectAsync(assignments.Writer, cancellationToken), ApplyAsync(assignments.Reader, cancellationToken));
    }

    private async Task ConnectAsync(ChannelWriter<Assignments> assignments, CancellationToken cancellationToken)
    {
        var pause = s_shortestPause;
        var registered = false;
        while (true)
        {
            try
            {
                registered = false;
                var session = new AgentSession(_client, Register(), reports, Welcome, assignments, streams, logger);
                await session.RunAsync(cancellationToken);
            }
#pragma warning disable CA1031 // The top of the session's loop.
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                logger.LogWarning("session: {Message}", e is RpcException rpc ? rpc.Status.Detail : e.Message);
                servers.MoveOn();
            }
            pause = registered ? s_shortestPause : pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), cancellationToken);
        }

        void Welcome(Registered said)
        {
            registered = true;
            dataPlane.Block = said.Block;
            membership.Remember([.. said.ServerAddresses]);
            servers.Addresses = membership.Servers;
        }
    }

    private Register Register()
    {
        // Everything is told anew, so what waited to be told need not be.
        reports.Take();
        var register = new Register { NodeId = membership.Identity.Current.Id, Hostname = options.Hostname, Description = Machine.Describe(options) };
        foreach (var (key, value) in options.Labels)
            register.Labels[key] = value;
        register.Replicas.AddRange(replicas.Observed());
        return register;
    }

    private async Task ApplyAsync(ChannelReader<Assignments> reader, CancellationToken cancellationToken)
    {
        var batch = new List<Assignments>();
        while (await reader.WaitToReadAsync(cancellationToken))
        {
            batch.Clear();
            var pause = false;
            while (reader.TryRead(out var assignments))
                batch.Add(assignments);
            try
            {
                pause = await dataPlane.ApplyAsync(batch, cancellationToken);
            }
#pragma warning disable CA1031 // The top of the loop: replicas must not wait for a network that cannot be made.
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                logger.LogError(e, "networks and endpoints of revision {Revision} could not be applied", batch[^1].Revision);
            }
            foreach (var assignments in batch)
                replicas.Apply(assignments);
            if (pause)
                await Task.Delay(s_pace, cancellationToken);
        }
    }
}
