using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

internal static class StateVerb
{
    public static int Run(string root, string[] args)
    {
        var state = new Container(root, Arguments.Parse(args, [], [], 2).Operand(0, "the container's id")).State();
        FileDescriptors.Write(1, JsonSerializer.Serialize(state, ContainerJson.Default.StateReport) + "\n");
        return 0;
    }
}

internal static class ListVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["-q", "--quiet"], ["--format", "-f"], 1);
        // One that is being deleted at this moment has no record any more.
        var states = Container.List(root).Where(c => c.Record is not null).Select(c => c.State()).ToArray();
        FileDescriptors.Write(1, arguments.Has("-q", "--quiet") ? string.Concat(states.Select(s => s.Id + "\n")) : (arguments.Value("--format", "-f") ?? "table") switch
        {
            "json" => JsonSerializer.Serialize(states, ContainerJson.Default.StateReportArray) + "\n",
            "table" => Table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], .. states.Select(s => new[] { s.Id, $"{s.Pid}", s.Status, s.Bundle, s.Created, s.Owner })]),
            var format => throw new UsageException($"--format: \"{format}\" is unknown; accepted: table, json"),
        });
        return 0;
    }

    private static string Table(string[][] rows)
    {
        var widths = rows[0].Select((_, column) => rows.Max(r => r[column].Length));
        return string.Concat(rows.Select(r => string.Join("   ", r.Zip(widths, (text, width) => text.PadRight(width))).TrimEnd() + "\n"));
    }
}
