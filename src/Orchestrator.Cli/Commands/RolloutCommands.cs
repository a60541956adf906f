using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

/// <summary>Watching and steering how a service's replicas are brought to its newest spec.</summary>
internal static class RolloutCommands
{
    public static Command Create(Shell shell) => new("rollout", "See and steer how the replicas of a service are replaced")
    {
        Status(shell),
        History(shell),
        Steering(shell, "pause", "Replace no further replica until it is resumed", RolloutVerb.RolloutPause),
        Steering(shell, "resume", "Go on with a rollout that is paused", RolloutVerb.RolloutResume),
        Steering(shell, "promote", "The canaries are good: replace the others", RolloutVerb.RolloutPromote),
        Abort(shell),
        Undo(shell),
        Steering(shell, "restart", "Replace every replica by one of the same spec", RolloutVerb.RolloutRestart),
    };

    private static Argument<string> Service() => new("SERVICE") { Description = ServiceCommands.Names };

    private static Command Steering(Shell shell, string name, string description, RolloutVerb verb)
    {
        var (service, waiting) = (Service(), new WaitOptions(waitsByDefault: false));
        var command = new Command(name, description) { service };
        waiting.AddTo(command);
        return shell.On(command, (session, parse, cancellation) => SteerAsync(session, parse, waiting, parse.GetRequiredValue(service), verb, 0, cancellation));
    }

    private static Command Abort(Shell shell)
    {
        var (service, waiting) = (Service(), new WaitOptions(waitsByDefault: false));
        var command = new Command("abort", "Give the version up that is being rolled out, and return to the last good one") { service };
        waiting.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var found = (await ServiceCommands.FindAsync(session, parse.GetRequiredValue(service), cancellation)).Service;
            return found.IsUnderWay()
                ? await SteerAsync(session, parse, waiting, found.Id, RolloutVerb.RolloutUndo, 0, cancellation)
                : throw new RefusedException($"service {found.Id}: no rollout is under way; `orc rollout undo` returns to an earlier version");
        });
    }

    private static Command Undo(Shell shell)
    {
        var (service, waiting) = (Service(), new WaitOptions(waitsByDefault: false));
        var to = new Option<int>("--to") { Description = "a version of `orc rollout history` [the last good one]", HelpName = "VERSION" };
        var command = new Command("undo", "Return to an earlier version") { service, to };
        waiting.AddTo(command);
        return shell.On(command, (session, parse, cancellation) =>
            SteerAsync(session, parse, waiting, parse.GetRequiredValue(service), RolloutVerb.RolloutUndo, parse.GetValue(to), cancellation));
    }

    private static async Task<int> SteerAsync(
        Session session, ParseResult parse, WaitOptions waiting, string name, RolloutVerb verb, int version, CancellationToken cancellation)
    {
        var found = (await ServiceCommands.FindAsync(session, name, cancellation)).Service;
        var request = new SteerRolloutRequest { Service = found.Id, Verb = verb, ToVersion = version, RequestId = Session.NewRequestId() };
        var answer = await session.Api.SteerRolloutAsync(request, cancellationToken: cancellation);
        session.Error.WriteLine($"{found.Id}: {Sentence(answer.Service)}");
        return await waiting.WaitAsync(session, parse, found.Stack, answer.Revision, cancellation);
    }

    private static Command Status(Shell shell)
    {
        var service = Service();
        return shell.On(new Command("status", "Show how far the newest rollout of a service is, and why it stopped") { service }, async (session, parse, cancellation) =>
        {
            var status = await ServiceCommands.FindAsync(session, parse.GetRequiredValue(service), cancellation);
            var exitCode = status.Service.Rollout?.State == RolloutState.RolloutPaused ? ExitCode.Failed : ExitCode.Done;
            if (session.Json)
            {
                session.Out.Write(JsonOutput.Text(JsonOutput.Of(status)));
                return exitCode;
            }
            var request = new ListReplicasRequest { Stack = status.Service.Stack, Service = status.Service.Name, All = true };
            var replicas = (await session.Api.ListReplicasAsync(request, cancellationToken: cancellation)).Replicas;
            await ShowAsync(session, status, replicas, cancellation);
            return exitCode;
        });
    }

    private static async Task ShowAsync(Session session, ServiceStatus status, IReadOnlyList<Replica> replicas, CancellationToken cancellation)
    {
        var service = status.Service;
        session.Out.WriteLine($"{service.Id}: {Sentence(service)}");
        session.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"replicas: {status.Running} of {status.Asked} run version {service.Version}"));
        session.Out.WriteLine();
        var hostnames = await NodeCommands.HostnamesAsync(session, cancellation);
        var culprit = Culprit(service, replicas);
        var shown = replicas.Where(r => r.IsLive()).Concat(culprit is null ? [] : [culprit]).OrderBy(r => r.Slot).ThenBy(r => r.CreatedRevision).ToList();
        session.Out.Write(Table(service, shown, hostnames).Render(session.Streams.Width()));
        if (culprit is not null)
            await LastLines.ShowAsync(session, session.Out, culprit, cancellation);
    }

    /// <summary>The replica by which the newest rollout failed: of the version given up, or of the one that is stuck.</summary>
    private static Replica? Culprit(Service service, IEnumerable<Replica> replicas)
    {
        var rolledBack = service.History.FirstOrDefault(v => service.IsRollback() && v.Version == service.Rollout.RolledBack);
        if (rolledBack is null && service.Rollout?.State != RolloutState.RolloutPaused)
            return null;
        var revision = rolledBack?.SpecRevision ?? service.SpecRevision;
        return replicas.Where(r => r.SpecRevision == revision && r.State() is ReplicaState.Failed or ReplicaState.Rejected).MaxBy(r => r.CreatedRevision);
    }

    private static Table Table(Service service, IEnumerable<Replica> replicas, IReadOnlyDictionary<string, string> hostnames)
    {
        var versions = service.History.ToDictionary(v => v.SpecRevision, v => v.Version);
        versions[service.SpecRevision] = service.Version;
        var table = new Table("REPLICA", "VERSION", "NODE", "STATE", "WHY");
        foreach (var replica in replicas)
            table.Add(
                Text.Name(replica), versions.TryGetValue(replica.SpecRevision, out var version) ? Number(version) : "", hostnames.GetValueOrDefault(replica.NodeId, replica.NodeId),
                Text.State(replica) + (replica.IsLive() && replica.Desired == DesiredState.DesiredShutdown ? ", stopping" : ""), Text.Reason(replica));
        return table;
    }

    private static Command History(Shell shell)
    {
        var service = Service();
        return shell.On(new Command("history", "List the versions of a service's spec that are kept") { service }, async (session, parse, cancellation) =>
        {
            var found = (await ServiceCommands.FindAsync(session, parse.GetRequiredValue(service), cancellation)).Service;
            return session.Show(() => JsonOutput.List(found.History.OrderBy(v => v.Version), JsonOutput.Of), () => Versions(found));
        });
    }

    private static Table Versions(Service service)
    {
        var table = new Table("VERSION", "STATE", "IMAGE", "REPLACED", "WHY");
        var rows = service.History.Select(v => (v.Version, Cells: new[] { v.Good ? "good" : v.Message.Length > 0 ? "failed" : "never complete", Text.Image(v.Spec?.Container), Text.Age(v.ReplacedMs), v.Message }))
            .Append((service.Version, ["current", Text.Image(service.Spec?.Container), "", service.Rollout?.Message ?? ""]));
        foreach (var (version, cells) in rows.OrderBy(r => r.Item1))
            table.Add([Number(version), .. cells]);
        return table;
    }

    /// <summary>"version 3 is being rolled out", "version 2 is complete: version 3 was rolled back: web.1 failed: exit code 1".</summary>
    private static string Sentence(Service service)
    {
        var rollout = service.Rollout ?? new Rollout { State = RolloutState.RolloutComplete };
        var state = rollout switch
        {
            { State: RolloutState.RolloutComplete } => "is complete",
            { Held: true } => "is being rolled out, paused by hand",
            { State: RolloutState.RolloutPaused } => "is being rolled out, paused",
            { State: RolloutState.RolloutCanary } => "waits to be promoted",
            _ => "is being rolled out",
        };
        var why = service.IsRollback() ? $"returned from version {Number(rollout.RolledBack)}{(rollout.Message.Length > 0 ? ": " + rollout.Message : "")}" : rollout.Message;
        return $"version {Number(service.Version)} {state}{(why.Length > 0 ? "; " + Text.OneLine(why) : "")}";
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
