using System.CommandLine;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class PsCommand
{
    public static Command Create(Shell shell)
    {
        var stack = new Argument<string?>("STACK") { Description = "only of this stack", Arity = ArgumentArity.ZeroOrOne };
        var service = new Option<string?>("--service", "-s") { Description = "only of this service", HelpName = "SERVICE" };
        var all = new Option<bool>("--all", "-a") { Description = "also replicas that ended and were replaced" };
        var command = new Command("ps", "List replicas: where each runs, or why it does not") { stack, service, all };
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var request = new ListReplicasRequest { Stack = parse.GetValue(stack) ?? "", Service = parse.GetValue(service) ?? "", All = parse.GetValue(all) };
            var replicas = (await session.Api.ListReplicasAsync(request, cancellationToken: cancellation)).Replicas;
            var hostnames = await NodeCommands.HostnamesAsync(session, cancellation);
            return session.Show(() => JsonOutput.List(InOrder(replicas), r => Json(r, hostnames)), () => List(InOrder(replicas), hostnames));
        });
    }

    /// <summary>As the server has it, plus the node's hostname; without the spec, which <c>orc service inspect</c> shows.</summary>
    public static JsonObject Json(Replica replica, IReadOnlyDictionary<string, string> hostnames)
    {
        replica.Observed ??= new Observed();
        var json = JsonOutput.Of(replica);
        json.Remove("spec");
        json["node"] = hostnames.GetValueOrDefault(replica.NodeId, "");
        return json;
    }

    public static Table List(IEnumerable<Replica> replicas, IReadOnlyDictionary<string, string> hostnames)
    {
        var table = new Table("ID", "STACK", "REPLICA", "NODE", "STATE", "SINCE", "IMAGE", "WHY");
        foreach (var replica in replicas)
            table.Add(
                Text.ShortId(replica.Id), replica.Stack, Text.Name(replica), hostnames.GetValueOrDefault(replica.NodeId, replica.NodeId),
                Text.State(replica) + (replica.IsLive() && replica.Desired == DesiredState.DesiredShutdown ? ", stopping" : ""),
                Text.Age(Since(replica)), Text.Image(replica.Spec?.Container), Text.Reason(replica));
        return table;
    }

    private static IEnumerable<Replica> InOrder(IEnumerable<Replica> replicas) => replicas
        .OrderBy(r => r.Stack, StringComparer.Ordinal).ThenBy(r => r.Service, StringComparer.Ordinal).ThenBy(r => r.Slot).ThenByDescending(r => r.CreatedMs)
        .ThenBy(r => r.Id, StringComparer.Ordinal);

    private static long Since(Replica replica) => replica.Observed switch
    {
        { FinishedMs: > 0 } ended => ended.FinishedMs,
        { StartedMs: > 0 } started => started.StartedMs,
        _ => replica.CreatedMs,
    };
}
