using System.CommandLine;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Commands.Containers;
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
        var quiet = new Option<bool>("--quiet", "-q") { Description = "only ids of containers of this machine, for `orc rm` and the like" };
        var filters = new Option<string[]>("--filter", "-f") { Description = "only such containers of this machine (see `orc container ls --help`)", HelpName = "NAME=VALUE" };
        var command = new Command("ps", "List replicas: where each runs, or why it does not; and the containers of this machine") { stack, service, all, quiet, filters };
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var ofMachine = session.HasEngine && parse.GetValue(stack) is null && parse.GetValue(service) is null;
            var local = ofMachine ? await ListLocalAsync(session, parse.GetValue(all), parse.GetValue(filters) ?? [], cancellation) : [];
            if (parse.GetValue(quiet) || parse.GetValue(filters) is { Length: > 0 })
                return ListCommands.Show(session, local, parse.GetValue(quiet), whole: false);
            var request = new ListReplicasRequest { Stack = parse.GetValue(stack) ?? "", Service = parse.GetValue(service) ?? "", All = parse.GetValue(all) };
            var replicas = (await session.Api.ListReplicasAsync(request, cancellationToken: cancellation)).Replicas;
            var hostnames = await NodeCommands.HostnamesAsync(session, cancellation);
            if (session.Json || replicas.Count > 0 || local.Count == 0)
                session.Show(() => Json(InOrder(replicas), hostnames, local), () => List(InOrder(replicas), hostnames));
            if (session.Json || local.Count == 0)
                return ExitCode.Done;
            session.Out.Write(replicas.Count > 0 ? "\n" : "");
            return ListCommands.Show(session, local, idsOnly: false, whole: false);
        });
    }

    /// <summary>Containers of this machine follow the replicas; each says that it is one.</summary>
    private static JsonArray Json(IEnumerable<Replica> replicas, IReadOnlyDictionary<string, string> hostnames, IEnumerable<LocalContainer> local)
    {
        var list = JsonOutput.List(replicas, r => Json(r, hostnames));
        foreach (var container in local)
        {
            var json = JsonOutput.Of(container);
            json["container"] = true;
            list.Add((JsonNode)json);
        }
        return list;
    }

    private static async Task<IReadOnlyList<LocalContainer>> ListLocalAsync(Session session, bool all, IEnumerable<string> filters, CancellationToken cancellation)
    {
        var request = new ListLocalRequest { All = all };
        request.Filters.AddRange(filters);
        return (await session.Containers.ListAsync(request, cancellationToken: cancellation)).Containers;
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
