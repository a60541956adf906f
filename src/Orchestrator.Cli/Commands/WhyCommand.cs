using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class WhyCommand
{
    public static Command Create(Shell shell)
    {
        var replica = new Argument<string>("REPLICA") { Description = "service.slot, an id, or the beginning of one" };
        var command = new Command("why", "Show what speaks for and against each node, for one replica, if it were placed now") { replica };
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var answer = await session.Api.WhyReplicaAsync(new WhyReplicaRequest { Replica = parse.GetRequiredValue(replica) }, cancellationToken: cancellation);
            if (!session.Json)
                session.Out.Write(Headline(answer) + "\n");
            session.Show(() => JsonOutput.Of(answer), () => Table(answer));
            return ExitCode.Done;
        });
    }

    private static string Headline(WhyReplicaResponse answer)
    {
        var replica = answer.Replica;
        var name = $"{replica.Stack}/{Text.Name(replica)} ({Text.ShortId(replica.Id)})";
        var where = answer.Nodes.FirstOrDefault(n => n.Current)?.Hostname ?? replica.NodeId;
        var reason = Text.Reason(replica) is { Length: > 0 } words ? $": {Text.OneLine(words)}" : "";
        return where.Length > 0 ? $"{name} is on {where}, {Text.State(replica)}{reason}" : $"{name} has no node{reason}";
    }

    /// <summary>The nodes that could take it in the order in which the scheduler would choose them, then the others.</summary>
    private static Table Table(WhyReplicaResponse answer)
    {
        var fields = answer.Nodes.SelectMany(n => n.Groups).Select(g => g.Field).Distinct().ToList();
        var table = new Table(["NODE", "", .. fields.Select(f => f.ToUpperInvariant()), "OF SERVICE", "FREE", "REPLICAS", "REFUSES"]);
        foreach (var node in answer.Nodes)
            table.Add([node.Hostname, node.Current ? "here" : "", .. fields.Select(f => Group(node, f)), Number(node.OfService), Free(node), Number(node.Live), node.Refusal]);
        return table;
    }

    private static string Group(NodeVerdict node, string field) =>
        node.Groups.FirstOrDefault(g => g.Field == field) is { } group ? $"{(group.Value.Length > 0 ? group.Value : "(none)")}: {Number(group.Replicas)}" : "";

    // Half of it is cores, half memory.
    private static string Free(NodeVerdict node) => $"{Number(node.FreePermille / 20)} %";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
