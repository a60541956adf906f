using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Volumes of this machine.</summary>
internal static class VolumeCommands
{
    public static Command Create(Shell shell) => new("volume", "Volumes of this machine") { Make(shell), List(shell), Inspect(shell), Remove(shell), Prune(shell) };

    private static Command Make(Shell shell)
    {
        var name = new Argument<string?>("NAME") { Description = "its name [made up]", Arity = ArgumentArity.ZeroOrOne };
        var labels = Flag.Many("--label", "NAME[=VALUE]", "label");
        return shell.On(new Command("create", "Make a volume; the first container that mounts it fills it") { name, labels }, async (session, parse, cancellation) =>
        {
            var request = new CreateVolumeRequest { Name = parse.GetValue(name) ?? "" };
            foreach (var label in (parse.GetValue(labels) ?? []).Select(l => l.Split('=', 2)))
                request.Labels[label[0]] = label.ElementAtOrDefault(1) ?? "";
            session.Out.WriteLine((await session.Volumes.CreateAsync(request, cancellationToken: cancellation)).Name);
            return ExitCode.Done;
        });
    }

    private static Command List(Shell shell)
    {
        var quiet = Flag.Switch("--quiet", "names only", "-q");
        var filters = Flag.Many("--filter", "NAME=VALUE", "only those: dangling, name, label", "-f");
        var command = new Command("ls", "List volumes") { quiet, filters };
        command.Aliases.Add("list");
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var request = new ListVolumesRequest();
            request.Filters.AddRange(parse.GetValue(filters) ?? []);
            var volumes = (await session.Volumes.ListAsync(request, cancellationToken: cancellation)).Volumes;
            if (!parse.GetValue(quiet))
                return session.Show(() => JsonOutput.List(volumes, JsonOutput.Of), () => Table(volumes));
            foreach (var volume in volumes)
                session.Out.WriteLine(volume.Name);
            return ExitCode.Done;
        });
    }

    private static Command Inspect(Shell shell)
    {
        var names = Names();
        var format = Flag.Text("--format", "TEMPLATE", "only this, as '{{.Mountpoint}}'", "-f");
        return shell.On(new Command("inspect", "Show everything about volumes, as JSON") { names, format }, async (session, parse, cancellation) =>
        {
            var found = new System.Text.Json.Nodes.JsonArray();
            foreach (var name in parse.GetRequiredValue(names))
                found.Add((System.Text.Json.Nodes.JsonNode)DockerJson.Of(await session.Volumes.InspectAsync(new VolumeName { Name = name }, cancellationToken: cancellation)));
            if (parse.GetValue(format) is not { } template)
                session.Out.Write(JsonOutput.Text(found));
            else
                foreach (var one in found)
                    session.Out.WriteLine(Template.Render(template, one!));
            return ExitCode.Done;
        });
    }

    private static Command Remove(Shell shell)
    {
        var names = Names();
        var force = Flag.Switch("--force", "one that is not there is no error", "-f");
        return shell.On(new Command("rm", "Remove volumes that no container uses, with what is in them") { names, force }, (session, parse, cancellation) =>
            LifeCommands.EachAsync(session, parse.GetRequiredValue(names), n =>
                session.Volumes.RemoveAsync(new RemoveVolumeRequest { Name = n, Force = parse.GetValue(force) }, cancellationToken: cancellation).ResponseAsync));
    }

    private static Command Prune(Shell shell)
    {
        var all = Flag.Switch("--all", "also those with a name", "-a");
        var filters = Flag.Many("--filter", "NAME=VALUE", "only those: label, until");
        var force = Flag.Switch("--force", "accepted for Docker's sake: nothing is asked", "-f");
        return shell.On(new Command("prune", "Remove anonymous volumes that no container uses") { all, filters, force }, async (session, parse, cancellation) =>
        {
            var request = new PruneVolumesRequest { All = parse.GetValue(all) };
            request.Filters.AddRange(parse.GetValue(filters) ?? []);
            var answer = await session.Volumes.PruneAsync(request, cancellationToken: cancellation);
            foreach (var name in answer.Names)
                session.Out.WriteLine(name);
            session.Error.WriteLine($"{answer.Names.Count} removed, {Amount.Bytes(answer.Bytes)} freed");
            return ExitCode.Done;
        });
    }

    private static Argument<string[]> Names() => new("VOLUME") { Description = "names", Arity = ArgumentArity.OneOrMore };

    private static Table Table(IEnumerable<LocalVolume> volumes)
    {
        var table = new Table("NAME", "CREATED", "USED BY", "LABELS");
        foreach (var volume in volumes)
            table.Add(
                volume.Name, Text.Age(volume.CreatedMs) + " ago", string.Join(", ", volume.UsedBy),
                string.Join(", ", volume.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => l.Value.Length == 0 ? l.Key : $"{l.Key}={l.Value}")));
        return table;
    }
}
