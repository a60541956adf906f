using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Lists of containers, and removing those that ended.</summary>
internal static class ListCommands
{
    private const int CommandWidth = 24;

    public static Command List(Shell shell)
    {
        var all = Flag.Switch("--all", "also those that do not run", "-a");
        var ids = Flag.Switch("--quiet", "ids only", "-q");
        var whole = Flag.Switch("--no-trunc", "whole ids and commands");
        var filters = Flag.Many("--filter", "NAME=VALUE", "only those: name, id, status, label, exited, ancestor, health, volume", "-f");
        var last = Flag.Number("--last", "only so many, the newest first", "-n");
        var command = new Command("ls", "List containers of this machine") { all, ids, whole, filters, last };
        command.Aliases.Add("list");
        command.Aliases.Add("ps");
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var request = new ListLocalRequest { All = parse.GetValue(all) || parse.GetValue(last) is not null };
            request.Filters.AddRange(parse.GetValue(filters) ?? []);
            IEnumerable<LocalContainer> containers = (await session.Containers.ListAsync(request, cancellationToken: cancellation)).Containers;
            if (parse.GetValue(last) is { } count)
                containers = containers.Take((int)count);
            return Show(session, [.. containers], parse.GetValue(ids), parse.GetValue(whole));
        });
    }

    public static Command Prune(Shell shell)
    {
        var filters = Flag.Many("--filter", "NAME=VALUE", "only those: label, until");
        var force = Flag.Switch("--force", "accepted for Docker's sake: nothing is asked", "-f");
        return shell.On(new Command("prune", "Remove all containers of this machine that do not run") { filters, force }, async (session, parse, cancellation) =>
        {
            var request = new PruneLocalRequest();
            request.Filters.AddRange(parse.GetValue(filters) ?? []);
            var answer = await session.Containers.PruneAsync(request, cancellationToken: cancellation);
            foreach (var id in answer.Ids)
                session.Out.WriteLine(id);
            session.Error.WriteLine($"{answer.Ids.Count} removed, {Amount.Bytes(answer.Bytes)} freed");
            return ExitCode.Done;
        });
    }

    public static int Show(Session session, IReadOnlyList<LocalContainer> containers, bool idsOnly, bool whole)
    {
        if (!idsOnly)
            return session.Show(() => JsonOutput.List(containers, JsonOutput.Of), () => Table(containers, whole));
        foreach (var container in containers)
            session.Out.WriteLine(whole ? container.Id : Text.ShortId(container.Id));
        return ExitCode.Done;
    }

    public static Table Table(IEnumerable<LocalContainer> containers, bool whole)
    {
        var table = new Table("CONTAINER ID", "NAME", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS");
        foreach (var container in containers)
        {
            var command = $"\"{string.Join(' ', container.Command)}\"";
            table.Add(
                whole ? container.Id : Text.ShortId(container.Id), container.Name, container.Spec.Container.Image,
                whole || command.Length <= CommandWidth ? command : command[..(CommandWidth - 2)] + "…\"",
                Text.Age(container.CreatedMs) + " ago", Status(container), Ports(container));
        }
        return table;
    }

    /// <summary>"Up 3 m (healthy)", "Exited (137) 2 s ago".</summary>
    public static string Status(LocalContainer container) => container.State switch
    {
        LocalState.LocalRunning => $"Up {Text.Age(container.StartedMs)}{Health(container)}",
        LocalState.LocalPaused => $"Up {Text.Age(container.StartedMs)} (Paused)",
        LocalState.LocalRestarting => string.Create(CultureInfo.InvariantCulture, $"Restarting ({container.ExitCode}) {Text.Age(container.FinishedMs)} ago"),
        LocalState.LocalExited => string.Create(CultureInfo.InvariantCulture, $"Exited ({container.ExitCode}) {Text.Age(container.FinishedMs)} ago{(container.OomKilled ? " (out of memory)" : "")}"),
        LocalState.LocalRemoving => "Removing",
        _ => "Created",
    };

    /// <summary>"0.0.0.0:8080->80/tcp".</summary>
    public static string Ports(LocalContainer container) => container.State is LocalState.LocalRunning or LocalState.LocalPaused
        ? string.Join(", ", container.Ports.Select(p => $"{Published(p)}->{Target(p)}")) : "";

    public static string Published(PortSpec port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(port.HostIp.Length == 0 ? "0.0.0.0" : port.HostIp)}:{port.Published}");

    public static string Target(PortSpec port) => string.Create(CultureInfo.InvariantCulture, $"{port.Target}/{port.Protocol.ToString().ToLowerInvariant()}");

    private static string Health(LocalContainer container) => container.Health switch
    {
        LocalHealth.None => "",
        LocalHealth.Starting => " (health: starting)",
        var health => $" ({health.ToString().ToLowerInvariant()})",
    };
}
