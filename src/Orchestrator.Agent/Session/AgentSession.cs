using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Orchestrator.Model;

namespace Orchestrator.Agent.Session;

/// <summary>One stream to a server: registers, beats, reports, and hands on what the server says, until either end fails.</summary>
internal sealed class AgentSession(
    Dispatcher.DispatcherClient client, Register register, ObservedReports reports, Action<Registered> welcome,
    ChannelWriter<Assignments> assignments, StreamServer streams, ILogger logger)
{
    private static readonly TimeSpan s_registering = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_batching = TimeSpan.FromMilliseconds(5);

    // The leader counts an agent down after three seconds of silence; so does the agent with the leader.
    internal const int SilentPeriodsMax = 3;

    private long _heardTicks = Environment.TickCount64;

    /// <returns>Never: it ends by an exception.</returns>
    /// <exception cref="RpcException">The stream broke.</exception>
    /// <exception cref="IOException">The server fell silent or ended the stream.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var call = client.Session(cancellationToken: ending.Token);
        try
        {
            var period = await RegisterAsync(call, ending.Token);
            Task[] loops = [ReadAsync(call, ending.Token), WriteAsync(call, period, ending.Token), ListenAsync(period, ending.Token)];
            await await Task.WhenAny(loops);
        }
        finally
        {
            await ending.CancelAsync();
        }
    }

    private async Task<TimeSpan> RegisterAsync(AsyncDuplexStreamingCall<AgentMessage, ServerMessage> call, CancellationToken cancellationToken)
    {
        await call.RequestStream.WriteAsync(new AgentMessage { Register = register }, cancellationToken).WaitAsync(s_registering, cancellationToken);
        if (!await call.ResponseStream.MoveNext(cancellationToken).WaitAsync(s_registering, cancellationToken))
            throw new IOException("the server ended the session at registration");
        if (call.ResponseStream.Current.Registered is not { } registered)
            throw new IOException("the server's first message was not a registration");
        welcome(registered);
        logger.LogInformation("registered; {Count} servers, block {Block}", registered.ServerAddresses.Count, registered.Block);
        return TimeSpan.FromMilliseconds(registered.HeartbeatPeriodMs > 0 ? registered.HeartbeatPeriodMs : 1000);
    }

    private async Task ReadAsync(AsyncDuplexStreamingCall<AgentMessage, ServerMessage> call, CancellationToken cancellationToken)
    {
        while (await call.ResponseStream.MoveNext(cancellationToken))
        {
            Volatile.Write(ref _heardTicks, Environment.TickCount64);
            var message = call.ResponseStream.Current;
            if (message.Assignments is not null)
                await assignments.WriteAsync(message.Assignments, cancellationToken);
            else if (message.OpenStream is not null)
                streams.Serve(message.OpenStream);
        }
        throw new IOException("the server ended the session");
    }

    private async Task WriteAsync(AsyncDuplexStreamingCall<AgentMessage, ServerMessage> call, TimeSpan period, CancellationToken cancellationToken)
    {
        var nextBeat = Environment.TickCount64;
        while (true)
        {
            var wait = TimeSpan.FromMilliseconds(Math.Max(0, nextBeat - Environment.TickCount64));
            if (await reports.WaitAsync(wait, cancellationToken))
            {
                await Task.Delay(s_batching, cancellationToken);
                var report = new ObservedReport();
                report.Replicas.AddRange(reports.Take());
                await call.RequestStream.WriteAsync(new AgentMessage { Observed = report }, cancellationToken);
            }
            if (Environment.TickCount64 < nextBeat)
                continue;
            await call.RequestStream.WriteAsync(new AgentMessage { Heartbeat = new Heartbeat() }, cancellationToken);
            nextBeat = Environment.TickCount64 + (long)period.TotalMilliseconds;
        }
    }

    private async Task ListenAsync(TimeSpan period, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(period, cancellationToken);
            var silent = TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _heardTicks));
            if (silent > period * SilentPeriodsMax)
                throw new IOException($"the server was silent for {silent.TotalSeconds:F1} s");
        }
    }
}
