using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Cli.Output;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli.Commands;

internal static class LogsCommand
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    public static Command Create(Shell shell)
    {
        var source = new Argument<string>("NAME") { Description = "a container of this machine; else STACK/SERVICE, a service that only one stack has, or the id of a replica" };
        var options = new LogOptionSet();
        var bare = new Option<bool>("--no-prefix") { Description = "do not show which replica a line is from" };
        var command = new Command("logs", "Show what a container of this machine or those of a service write") { source, bare };
        options.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var name = parse.GetRequiredValue(source);
            if (await LocalStreams.FindAsync(session, name, cancellation) is { } container)
                return await LocalStreams.LogsAsync(session, options.Local(parse, container.Id), parse.GetValue(options.Timestamps), cancellation);
            var request = new LogsRequest
            {
                Service = name,
                Follow = parse.GetValue(options.Follow),
                Tail = parse.GetValue(options.Tail),
                SinceMs = parse.GetValue(options.Since),
                Timestamps = parse.GetValue(options.Timestamps),
            };
            return await OfServiceAsync(session, request, new LogLines(session, request.Timestamps, prefix: !parse.GetValue(bare)), cancellation);
        });
    }

    private static async Task<int> OfServiceAsync(Session session, LogsRequest request, LogLines lines, CancellationToken cancellation)
    {
        try
        {
            while (await ReadAsync(session, request, lines, cancellation))
                await Task.Delay(s_pause, cancellation);
            return lines.AnySourceFailed ? ExitCode.Failed : ExitCode.Done;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound && session.HasEngine)
        {
            throw LocalStreams.Nowhere(request.Service, e);
        }
    }

    /// <summary>True: the server that gave the lines is gone, and there is more to follow from another.</summary>
    private static async Task<bool> ReadAsync(Session session, LogsRequest request, LogLines lines, CancellationToken cancellation)
    {
        try
        {
            using var call = session.Api.Logs(request, cancellationToken: cancellation);
            await foreach (var line in call.ResponseStream.ReadAllAsync(cancellation))
                await lines.WriteAsync(line, cancellation);
            return false;
        }
        catch (RpcException e) when (request.Follow && lines.LatestMs > 0 && ServerChannel.IsServersFault(e))
        {
            session.MoveOn();
            lines.Reopen(e.Status.DebugException?.GetBaseException().Message ?? e.Status.Detail);
            (request.SinceMs, request.Tail) = (lines.LatestMs, -1);
            return true;
        }
    }
}
