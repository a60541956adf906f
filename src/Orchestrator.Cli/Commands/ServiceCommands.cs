using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

internal static class ServiceCommands
{
    public const string Names = "STACK/SERVICE, or the name alone where only one stack has it";

    public static Command Create(Shell shell) =>
        new("service", "List, inspect, scale and remove services") { List(shell), Inspect(shell), Scale(shell), Remove(shell) };

    private static Command List(Shell shell)
    {
        var stack = new Argument<string?>("STACK") { Description = "only of this stack", Arity = ArgumentArity.ZeroOrOne };
        return shell.On(new Command("ls", "List services") { stack }, async (session, parse, cancellation) =>
        {
            var request = new ListServicesRequest { Stack = parse.GetValue(stack) ?? "" };
            var services = (await session.Api.ListServicesAsync(request, cancellationToken: cancellation)).Services
                .OrderBy(s => s.Service.Stack, StringComparer.Ordinal).ThenBy(s => s.Service.Name, StringComparer.Ordinal).ToList();
            return session.Show(() => JsonOutput.List(services, Json), () => Table(services));
        });
    }

    private static Command Inspect(Shell shell)
    {
        var name = new Argument<string>("SERVICE") { Description = Names };
        return shell.On(new Command("inspect", "Show everything about a service, as JSON") { name }, async (session, parse, cancellation) =>
        {
            var status = await FindAsync(session, parse.GetRequiredValue(name), cancellation);
            var request = new ListReplicasRequest { Stack = status.Service.Stack, Service = status.Service.Name, All = true };
            var replicas = (await session.Api.ListReplicasAsync(request, cancellationToken: cancellation)).Replicas;
            var hostnames = await NodeCommands.HostnamesAsync(session, cancellation);
            var json = Json(status);
            json["replicas"] = JsonOutput.List(replicas.OrderBy(r => r.Slot).ThenByDescending(r => r.CreatedMs), r => PsCommand.Json(r, hostnames));
            session.Out.Write(JsonOutput.Text(json));
            return ExitCode.Done;
        });
    }

    private static Command Scale(Shell shell)
    {
        var name = new Argument<string>("SERVICE") { Description = Names };
        var replicas = new Argument<int>("REPLICAS") { Description = "how many are to run" };
        replicas.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var count) && count < 0)
                result.AddError($"got {count} replicas; expected 0 or more");
        });
        var waiting = new WaitOptions(waitsByDefault: false);
        var command = new Command("scale", "Change how many replicas of a service run") { name, replicas };
        waiting.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var status = await FindAsync(session, parse.GetRequiredValue(name), cancellation);
            var (service, count) = (status.Service, parse.GetValue(replicas));
            var request = new ScaleServiceRequest { Service = service.Id, Replicas = count, RequestId = Session.NewRequestId() };
            var answer = await session.Api.ScaleServiceAsync(request, cancellationToken: cancellation);
            session.Error.WriteLine($"{service.Stack}/{service.Name}: {status.Asked} -> {count} replicas");
            return await waiting.WaitAsync(session, parse, service.Stack, answer.Revision, cancellation);
        });
    }

    private static Command Remove(Shell shell)
    {
        var names = new Argument<string[]>("SERVICE") { Description = Names, Arity = ArgumentArity.OneOrMore };
        return shell.On(new Command("rm", "Remove services from their stacks") { names }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                var service = (await FindAsync(session, name, cancellation)).Service;
                await session.Api.RemoveServiceAsync(new RemoveServiceRequest { Service = service.Id, RequestId = Session.NewRequestId() }, cancellationToken: cancellation);
                session.Out.WriteLine($"service {service.Stack}/{service.Name} is being removed");
            }
            return ExitCode.Done;
        });
    }

    public static async Task<ServiceStatus> FindAsync(Session session, string name, CancellationToken cancellation)
    {
        var services = (await session.Api.ListServicesAsync(new ListServicesRequest(), cancellationToken: cancellation)).Services;
        var found = services.Where(s => s.Service.Id == name || $"{s.Service.Stack}/{s.Service.Name}" == name).ToList();
        if (found.Count == 0)
            found = [.. services.Where(s => s.Service.Name == name || $"{s.Service.Stack}_{s.Service.Name}" == name)];
        return found.Count switch
        {
            1 => found[0],
            0 => throw new RefusedException($"there is no service \"{name}\"; `orc service ls` lists them"),
            _ => throw new RefusedException($"\"{name}\" is in several stacks; write one of {string.Join(", ", found.Select(s => $"{s.Service.Stack}/{s.Service.Name}"))}"),
        };
    }

    // Flat, so that a script finds a name and its counts in one object.
    private static JsonObject Json(ServiceStatus status)
    {
        var service = JsonOutput.Of(status.Service);
        var json = new JsonObject
        {
            ["id"] = status.Service.Id,
            ["stack"] = status.Service.Stack,
            ["name"] = status.Service.Name,
            ["running"] = status.Running,
            ["asked"] = status.Asked,
            ["image"] = status.Service.Spec?.Container?.Image,
        };
        foreach (var (key, value) in service.Where(p => !json.ContainsKey(p.Key)).ToList())
            json[key] = value?.DeepClone();
        return json;
    }

    private static Table Table(IEnumerable<ServiceStatus> services)
    {
        var table = new Table("STACK", "SERVICE", "RUNNING", "IMAGE", "PORTS");
        foreach (var status in services)
            table.Add(
                status.Service.Stack, status.Service.Name,
                string.Create(CultureInfo.InvariantCulture, $"{status.Running}/{status.Asked}") + (status.Service.Removing ? " (removing)" : ""),
                Text.Image(status.Service.Spec?.Container), status.Service.Spec is { } spec ? Text.Ports(spec) : "");
        return table;
    }
}
