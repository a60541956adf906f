using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>The container's processes: their pids on the host, or what the host's ps says about them.</summary>
internal static class PsVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, [], ["--format", "-f"], 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        var pids = Container.CgroupOf(record).Processes().Order().ToArray();
        var format = arguments.Value("--format", "-f") ?? "table";
        if (format == "json")
            FileDescriptors.Write(1, JsonSerializer.Serialize(pids, ContainerJson.Default.Int32Array) + "\n");
        else if (format == "table")
            FileDescriptors.Write(1, Table(arguments.Rest.Count > 0 ? arguments.Rest : ["-ef"], [.. pids]));
        else
            throw new UsageException($"--format: \"{format}\" is unknown; accepted: table, json");
        return 0;
    }

    private static string Table(IReadOnlyList<string> options, HashSet<int> pids)
    {
        var lines = RunPs(options).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var column = lines.Length == 0 ? -1 : Array.IndexOf(Fields(lines[0]), "PID");
        if (column < 0)
            throw new RefusedException($"ps {string.Join(' ', options)} prints no column PID");
        return string.Concat(lines.Where((line, i) => i == 0 || (int.TryParse(Fields(line)[column], out var pid) && pids.Contains(pid))).Select(l => l + "\n"));
    }

    private static string[] Fields(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string RunPs(IReadOnlyList<string> options)
    {
        using var output = LaunchPipes.Create();
        using var errors = LaunchPipes.Create();
        string[] command = ["ps", .. options];
        string[] environment = [$"PATH={Environment.GetEnvironmentVariable("PATH")}"];
        var tape = new Tape();
        tape.Add("", Syscall.dup3, Argument.Named(output.Writer.Number(), "output"), 1, 0);
        ProcessSteps.Execute(tape, ProcessSteps.Candidates(command, environment), command, environment);
        using var child = Launcher.Launch(tape, errors.Writer.Number(), new CloneOptions());
        output.Writer.Dispose();
        errors.Writer.Dispose();
        if (Launcher.ReadFailure(errors.Reader.Number()) is { } failure)
            throw new RefusedException(FailureText.Describe(tape, failure, command));
        using var text = new StreamReader(new FileStream(output.Reader, FileAccess.Read));
        var all = text.ReadToEnd();
        Processes.Reap(child.PidFd);
        return all;
    }
}
