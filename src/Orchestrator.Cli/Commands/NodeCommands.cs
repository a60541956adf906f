using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class NodeCommands
{
    public static Command Create(Shell shell) => new("node", "List, inspect, drain, label and remove nodes")
    {
        List(shell), Inspect(shell), Label(shell), Remove(shell),
        Availability(shell, "drain", "Move all replicas away from nodes and place no new ones", Model.Availability.Drain, "is drained: its replicas are being replaced elsewhere"),
        Availability(shell, "activate", "Let nodes take replicas again", Model.Availability.Active, "takes replicas again"),
    };

    /// <summary>Node id to hostname.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> HostnamesAsync(Session session, CancellationToken cancellation) =>
        (await session.Api.ListNodesAsync(new ListNodesRequest(), cancellationToken: cancellation)).Nodes.ToDictionary(n => n.Id, n => n.Hostname);

    private static Command List(Shell shell) => shell.On(new Command("ls", "List nodes"), async (session, _, cancellation) =>
    {
        var nodes = (await session.Api.ListNodesAsync(new ListNodesRequest(), cancellationToken: cancellation)).Nodes
            .OrderBy(n => n.Hostname, StringComparer.Ordinal).ToList();
        return session.Show(() => JsonOutput.List(nodes, JsonOutput.Of), () => Table(nodes));
    });

    private static Command Inspect(Shell shell)
    {
        var name = Name();
        return shell.On(new Command("inspect", "Show everything about a node, as JSON") { name }, async (session, parse, cancellation) =>
        {
            var wanted = parse.GetRequiredValue(name);
            var nodes = (await session.Api.ListNodesAsync(new ListNodesRequest(), cancellationToken: cancellation)).Nodes;
            var node = nodes.FirstOrDefault(n => n.Id == wanted) ?? nodes.FirstOrDefault(n => n.Hostname == wanted)
                ?? throw new RefusedException($"there is no node \"{wanted}\"; `orc node ls` lists them");
            session.Out.Write(JsonOutput.Text(JsonOutput.Of(node)));
            return ExitCode.Done;
        });
    }

    private static Command Availability(Shell shell, string verb, string description, Availability availability, string outcome)
    {
        var names = new Argument<string[]>("NODE") { Description = "hostnames or ids", Arity = ArgumentArity.OneOrMore };
        return shell.On(new Command(verb, description) { names }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                await session.Api.UpdateNodeAsync(new UpdateNodeRequest { Node = name, Availability = availability }, cancellationToken: cancellation);
                session.Out.WriteLine($"node {name} {outcome}");
            }
            return ExitCode.Done;
        });
    }

    private static Command Label(Shell shell)
    {
        var name = Name();
        var labels = new Argument<string[]>("LABEL") { Description = "NAME=VALUE sets, NAME- removes", Arity = ArgumentArity.OneOrMore };
        labels.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => t.Value.IndexOf('=', StringComparison.Ordinal) is 0 or -1 && (!t.Value.EndsWith('-') || t.Value.Length == 1)))
                result.AddError($"got \"{token.Value}\"; expected NAME=VALUE to set a label, or NAME- to remove it");
        });
        return shell.On(new Command("label", "Set and remove labels of a node, for placement constraints") { name, labels }, async (session, parse, cancellation) =>
        {
            var request = new UpdateNodeRequest { Node = parse.GetRequiredValue(name) };
            foreach (var label in parse.GetRequiredValue(labels))
            {
                if (label.Split('=', 2) is [var key, var value])
                    request.SetLabels[key] = value;
                else
                    request.RemoveLabels.Add(label[..^1]);
            }
            var node = (await session.Api.UpdateNodeAsync(request, cancellationToken: cancellation)).Node;
            session.Out.WriteLine($"node {node.Hostname}: {Labels(node)}");
            return ExitCode.Done;
        });
    }

    private static Command Remove(Shell shell)
    {
        var names = new Argument<string[]>("NODE") { Description = "hostnames or ids", Arity = ArgumentArity.OneOrMore };
        return shell.On(new Command("rm", "Forget nodes that are down") { names }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                await session.Api.RemoveNodeAsync(new RemoveNodeRequest { Node = name }, cancellationToken: cancellation);
                session.Out.WriteLine($"node {name} removed");
            }
            return ExitCode.Done;
        });
    }

    private static Table Table(IEnumerable<Node> nodes)
    {
        var table = new Table("ID", "HOSTNAME", "STATUS", "AVAILABILITY", "ADDRESS", "CPUS", "MEMORY", "RESOURCES", "VERSION", "LABELS");
        foreach (var node in nodes)
        {
            var description = node.Description ?? new NodeDescription();
            table.Add(
                Text.ShortId(node.Id), node.Hostname, Status(node), node.Availability.ToString().ToLowerInvariant(), description.Address,
                (description.NanoCpus / 1e9m).ToString("0.##", CultureInfo.InvariantCulture), Amount.Bytes(description.MemoryBytes), Resources(description), description.Version,
                Labels(node));
        }
        return table;
    }

    private static string Resources(NodeDescription description) =>
        string.Join(", ", description.GenericResources.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Key}={r.Value}"));

    private static string Status(Node node) => node.Status switch
    {
        NodeStatus.NodeReady => "ready",
        NodeStatus.NodeDown => $"down for {Text.Age(node.StatusSinceMs)}",
        _ => "unknown",
    };

    private static string Labels(Node node) =>
        string.Join(", ", node.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => l.Value.Length == 0 ? l.Key : $"{l.Key}={l.Value}"));

    private static Argument<string> Name() => new("NODE") { Description = "hostname or id" };
}
