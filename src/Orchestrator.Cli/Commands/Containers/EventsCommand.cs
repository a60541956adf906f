using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

internal static class EventsCommand
{
    public static Command Create(Shell shell)
    {
        var since = LogOptionSet.Time("--since", "also what has happened since a time, or in the last so long");
        var until = LogOptionSet.Time("--until", "end at a time");
        var filters = Flag.Many("--filter", "NAME=VALUE", "only those: container, event, type, image, volume, label", "-f");
        return shell.On(new Command("events", "Show what happens to containers, volumes and images of this machine") { since, until, filters }, async (session, parse, cancellation) =>
        {
            var request = new EventsRequest { SinceNs = parse.GetValue(since) * 1_000_000, UntilNs = parse.GetValue(until) * 1_000_000 };
            request.Filters.AddRange(parse.GetValue(filters) ?? []);
            using var call = session.Containers.Events(request, cancellationToken: cancellation);
            await foreach (var told in call.ResponseStream.ReadAllAsync(cancellation))
                session.Out.Write(session.Json ? JsonOutput.Text(JsonOutput.Of(told)) : Line(told));
            return ExitCode.Done;
        });
    }

    private static string Line(LocalEvent told)
    {
        var time = DateTime.UnixEpoch.AddTicks(told.TimeNs / 100).ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
        var attributes = string.Join(", ", told.Attributes.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}"));
        return Text.OneLine($"{time} {told.Type} {told.Action} {told.Id}{(attributes.Length > 0 ? $" ({attributes})" : "")}") + "\n";
    }
}
