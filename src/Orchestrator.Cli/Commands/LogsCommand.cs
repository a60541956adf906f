using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli.Commands;

internal static class LogsCommand
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    public static Command Create(Shell shell)
    {
        var source = new Argument<string>("SERVICE") { Description = "STACK/SERVICE, a service that only one stack has, or the id of a replica" };
        var follow = new Option<bool>("--follow", "-f") { Description = "go on with new lines, also of new replicas" };
        var tail = new Option<int>("--tail") { Description = "only the last lines of each replica [all]", HelpName = "LINES", DefaultValueFactory = _ => -1 };
        var since = new Option<long>("--since") { Description = "only lines after a time, or as new as a duration", HelpName = "TIME|DURATION", CustomParser = ParseSince };
        var timestamps = new Option<bool>("--timestamps", "-t") { Description = "show when each line was written" };
        var bare = new Option<bool>("--no-prefix") { Description = "do not show which replica a line is from" };
        var command = new Command("logs", "Show what the containers of a service write") { source, follow, tail, since, timestamps, bare };
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var request = new LogsRequest
            {
                Service = parse.GetRequiredValue(source),
                Follow = parse.GetValue(follow),
                Tail = parse.GetValue(tail),
                SinceMs = parse.GetValue(since),
                Timestamps = parse.GetValue(timestamps),
            };
            var lines = new LogLines(session, parse.GetValue(timestamps), prefix: !parse.GetValue(bare));
            while (await ReadAsync(session, request, lines, cancellation))
                await Task.Delay(s_pause, cancellation);
            return lines.AnySourceFailed ? ExitCode.Failed : ExitCode.Done;
        });
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

    private static long ParseSince(System.CommandLine.Parsing.ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (Compose.Values.Duration.TryParse(text, out var ago))
            return DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - ago;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return time.ToUnixTimeMilliseconds();
        result.AddError($"--since: got \"{text}\"; expected a time such as 2026-01-31T12:00:00Z, or {Compose.Values.Duration.Accepted}");
        return 0;
    }
}
