using System.CommandLine;
using System.Text.Json.Nodes;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>What is known of a container.</summary>
internal static class InspectCommands
{
    public static Command Inspect(Shell shell)
    {
        var names = new Argument<string[]>("NAME") { Description = "containers, volumes or images of this machine", Arity = ArgumentArity.OneOrMore };
        var format = Flag.Text("--format", "TEMPLATE", "only this, as '{{.State.Status}}'; also json and len", "-f");
        var type = Flag.Text("--type", "container|volume|image", "only of this kind");
        return shell.On(new Command("inspect", "Show everything about containers, volumes or images of this machine, as JSON") { names, format, type }, async (session, parse, cancellation) =>
        {
            var found = new JsonArray();
            foreach (var name in parse.GetRequiredValue(names))
                found.Add((JsonNode)await FindAsync(session, name, parse.GetValue(type) ?? "", cancellation));
            if (parse.GetValue(format) is not { } template)
                session.Out.Write(JsonOutput.Text(found));
            else
                foreach (var one in found)
                    session.Out.WriteLine(Template.Render(template, one!));
            return ExitCode.Done;
        });
    }

    public static Command Top(Shell shell)
    {
        var name = ContainerCommands.Name();
        return shell.On(new Command("top", "List the processes of a container") { name }, async (session, parse, cancellation) =>
        {
            var answer = await session.Containers.TopAsync(new LocalName { Name = parse.GetRequiredValue(name) }, cancellationToken: cancellation);
            return session.Show(() => JsonOutput.Of(answer), () =>
            {
                var table = new Table([.. answer.Titles]);
                foreach (var process in answer.Processes)
                    table.Add([.. process.Fields]);
                return table;
            });
        });
    }

    public static Command Port(Shell shell)
    {
        var name = ContainerCommands.Name();
        var port = new Argument<string?>("PORT") { Description = "PORT[/udp] of the container", Arity = ArgumentArity.ZeroOrOne };
        return shell.On(new Command("port", "List the published ports of a container") { name, port }, async (session, parse, cancellation) =>
        {
            var container = await session.Containers.InspectAsync(new LocalName { Name = parse.GetRequiredValue(name) }, cancellationToken: cancellation);
            var wanted = parse.GetValue(port) is { } text ? text.Contains('/', StringComparison.Ordinal) ? text : text + "/tcp" : null;
            var ports = container.Ports.Where(p => container.State is LocalState.LocalRunning or LocalState.LocalPaused && (wanted is null || ListCommands.Target(p) == wanted)).ToList();
            if (wanted is not null && ports.Count == 0)
                throw new RefusedException($"container {container.Name} publishes no port {wanted}");
            foreach (var published in ports)
                session.Out.WriteLine(wanted is null ? $"{ListCommands.Target(published)} -> {ListCommands.Published(published)}" : ListCommands.Published(published));
            return ExitCode.Done;
        });
    }

    public static Command Changes(Shell shell)
    {
        var name = ContainerCommands.Name();
        return shell.On(new Command("diff", "List what a container changed in its files: A added, C changed, D deleted") { name }, async (session, parse, cancellation) =>
        {
            var answer = await session.Containers.ChangesAsync(new LocalName { Name = parse.GetRequiredValue(name) }, cancellationToken: cancellation);
            if (session.Json)
                session.Out.Write(JsonOutput.Text(JsonOutput.Of(answer)));
            else
                foreach (var change in answer.Changes)
                    session.Out.WriteLine($"{(change.Kind == FileChangeKind.Modified ? 'C' : change.Kind == FileChangeKind.Added ? 'A' : 'D')} {Text.OneLine(change.Path)}");
            return ExitCode.Done;
        });
    }

    private static async Task<JsonObject> FindAsync(Session session, string name, string type, CancellationToken cancellation)
    {
        if (type is "" or "container" && await TryAsync(() => session.Containers.InspectAsync(new LocalName { Name = name }, cancellationToken: cancellation).ResponseAsync) is { } container)
            return DockerJson.Of(container);
        if (type is "" or "volume" && await TryAsync(() => session.Volumes.InspectAsync(new VolumeName { Name = name }, cancellationToken: cancellation).ResponseAsync) is { } volume)
            return DockerJson.Of(volume);
        if (type is "" or "image" && await TryAsync(() => session.Images.InspectAsync(new ImageName { Name = name }, cancellationToken: cancellation).ResponseAsync) is { } image)
            return DockerJson.Of(image);
        throw new RefusedException($"this machine has no {(type.Length > 0 ? type : "container, volume or image")} \"{name}\"");
    }

    private static async Task<T?> TryAsync<T>(Func<Task<T>> ask) where T : class
    {
        try
        {
            return await ask();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }
}
