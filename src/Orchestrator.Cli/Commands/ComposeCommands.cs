using System.CommandLine;
using System.Security.Cryptography;
using Google.Protobuf;
using Orchestrator.Cli.Output;
using Orchestrator.Compose;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands;

/// <summary>Compose files by themselves: no server is asked.</summary>
internal static class ComposeCommands
{
    public static Command Create(Shell shell) => new("compose", "Look at compose files; asks no server") { Config(shell) };

    private static Command Config(Shell shell)
    {
        var compose = new ComposeOptions();
        var quiet = new Option<bool>("--quiet", "-q") { Description = "only check: print nothing" };
        var lists = new Dictionary<Option<bool>, Func<ComposeResult, IEnumerable<string>>>
        {
            [new("--services") { Description = "print the names of the services" }] = r => r.Spec!.Services.Select(s => s.Name),
            [new("--images") { Description = "print the images" }] = r => r.Spec!.Services.Select(s => s.Container.Image).Distinct(),
            [new("--volumes") { Description = "print the names of the volumes" }] = r => r.Spec!.Volumes.Select(v => v.Name),
            [new("--networks") { Description = "print the names of the networks" }] = r => r.Spec!.Networks.Select(n => n.Name),
            [new("--profiles") { Description = "print all profiles" }] = r => r.Document!.Profiles,
            [new("--hash") { Description = "print each service with a digest of all that it is" }] = r => r.Spec!.Services.Select(s => $"{s.Name} {Hash(s)}"),
        };
        var command = new Command("config", "Print compose files as one: merged, with what they extend and include, and variables expanded; as json, the stack that servers are sent");
        compose.AddTo(command);
        command.Add(quiet);
        foreach (var option in lists.Keys)
            command.Add(option);
        return shell.On(command, (session, parse, _) =>
        {
            var result = compose.Read(session, parse);
            var asked = lists.Where(l => parse.GetValue(l.Key)).Select(l => l.Value).ToList();
            if (!parse.GetValue(quiet))
                session.Out.Write(asked.Count > 0 ? string.Concat(asked.SelectMany(l => l(result)).Select(line => $"{line}\n"))
                    : session.Json ? JsonOutput.Text(JsonOutput.Of(result.Spec!)) : result.Document!.ToYaml());
            return Task.FromResult(ExitCode.Done);
        });
    }

    private static string Hash(ServiceSpec service)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true) { Deterministic = true })
            service.WriteTo(output);
        return Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray()));
    }
}
