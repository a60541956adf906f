using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

internal static class StatsCommand
{
    public static Command Create(Shell shell)
    {
        var names = ContainerCommands.Names(ArgumentArity.ZeroOrMore);
        var once = Flag.Switch("--no-stream", "one picture, then end");
        var all = Flag.Switch("--all", "also containers that do not run", "-a");
        return shell.On(new Command("stats", "Show what containers of this machine use, anew every second") { names, once, all }, async (session, parse, cancellation) =>
        {
            var request = new StatsRequest { Stream = !parse.GetValue(once), All = parse.GetValue(all) };
            request.Names.AddRange(parse.GetValue(names) ?? []);
            using var call = session.Containers.Stats(request, cancellationToken: cancellation);
            await foreach (var picture in call.ResponseStream.ReadAllAsync(cancellation))
            {
                if (request.Stream && session.Streams.Terminal && !session.Json)
                    session.Out.Write("\u001b[H\u001b[2J");
                session.Show(() => JsonOutput.Of(picture), () => Table(picture));
            }
            return ExitCode.Done;
        });
    }

    private static Table Table(StatsResponse picture)
    {
        var table = new Table("CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "NET I/O", "BLOCK I/O", "PIDS");
        foreach (var container in picture.Containers)
            table.Add(
                Text.ShortId(container.Id), container.Name, string.Create(CultureInfo.InvariantCulture, $"{container.CpuPercent:0.00}%"),
                $"{Amount.Bytes(container.MemoryBytes)} / {Amount.Bytes(container.MemoryLimitBytes)}",
                $"{Amount.Bytes(container.NetworkReceivedBytes)} / {Amount.Bytes(container.NetworkSentBytes)}",
                $"{Amount.Bytes(container.ReadBytes)} / {Amount.Bytes(container.WrittenBytes)}", container.Pids.ToString(CultureInfo.InvariantCulture));
        return table;
    }
}
