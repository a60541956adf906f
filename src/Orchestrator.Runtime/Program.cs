using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Verbs;

namespace Orchestrator.Runtime;

public static class Program
{
    private const int Failed = 1, UsageError = 2;

    private static readonly string[] s_globalOptions = ["--root", "--log", "--log-format", "--criu"];
    private static readonly string[] s_globalFlags = ["--debug", "--systemd-cgroup", "--rootless", "--version", "-v", "--help", "-h"];

    public static int Main(string[] args)
    {
        RuntimeLog? log = null;
        try
        {
            var global = Arguments.Parse(args, s_globalFlags, s_globalOptions, operandsMax: 0);
            log = RuntimeLog.From(global);
            return Run(global);
        }
        catch (UsageException e)
        {
            return Fail(log, e.Message, UsageError);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            return Fail(log, e.Message, (e as RefusedException)?.ExitCode ?? Failed);
        }
    }

    /// <summary>The configuration or the machine said no; all else is a bug and crashes.</summary>
    internal static bool IsRefusal(Exception e) =>
        e is RefusedException or RuntimeConfigException or JsonException or IOException or UnauthorizedAccessException or UsageException;

    private static int Run(Arguments global)
    {
        if (global.Has("--version", "-v"))
            return VersionVerb.Run();
        if (global.Has("--help", "-h") || global.Rest.Count == 0)
            return VersionVerb.Help();
        if (global.Has("--systemd-cgroup"))
            throw new UsageException("--systemd-cgroup: groups by way of systemd are not supported; accepted: cgroupsPath as a path (for dockerd: --exec-opt native.cgroupdriver=cgroupfs)");
        var root = Path.GetFullPath(global.Value("--root") ?? "/run/orchestrator/runtime");
        var rest = global.Rest.Skip(1).ToArray();
        return global.Rest[0] switch
        {
            "create" => CreateVerb.Run(root, rest),
            "start" => StartVerb.Run(root, rest),
            "run" => RunVerb.Run(root, rest),
            "state" => StateVerb.Run(root, rest),
            "kill" => KillVerb.Run(root, rest),
            "delete" => DeleteVerb.Run(root, rest),
            "exec" => ExecVerb.Run(root, rest),
            "list" => ListVerb.Run(root, rest),
            "ps" => PsVerb.Run(root, rest),
            "pause" => PauseVerb.Run(root, rest),
            "resume" => ResumeVerb.Run(root, rest),
            "events" => EventsVerb.Run(root, rest),
            "update" => UpdateVerb.Run(root, rest),
            "spec" => SpecVerb.Run(rest),
            "plan" => PlanVerb.Run(rest),
            KeeperVerb.Name => KeeperVerb.Run(root, rest),
            LaunchVerb.Name => LaunchVerb.Run(root, rest),
            InitVerb.Name => InitVerb.Run(rest),
            "features" => FeaturesVerb.Run(),
            "help" => VersionVerb.Help(),
            var verb => throw new UsageException($"\"{verb}\" is no command; accepted: {VersionVerb.Verbs}"),
        };
    }

    private static int Fail(RuntimeLog? log, string message, int exitCode)
    {
        FileDescriptors.Write(2, $"orc-runtime: {message}\n");
        log?.Error(message);
        return exitCode;
    }
}
