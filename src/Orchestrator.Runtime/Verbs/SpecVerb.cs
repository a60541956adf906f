using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Writes a config.json to start from: a shell on a terminal, the root read-only.</summary>
internal static class SpecVerb
{
    public static int Run(string[] args)
    {
        var arguments = Arguments.Parse(args, ["--rootless"], ["--bundle", "-b"], 0);
        var path = Path.Combine(arguments.Value("--bundle", "-b") ?? ".", "config.json");
        if (File.Exists(path))
            throw new RefusedException($"{path} exists already");
        File.WriteAllBytes(path, (arguments.Has("--rootless") ? Rootless(Config()) : Config()).ToJson());
        return 0;
    }

    private static RuntimeConfig Config()
    {
        var config = DefaultProfile.Config();
        return config with
        {
            Process = config.Process! with { Terminal = true, Env = [.. config.Process.Env, "TERM=xterm"], Rlimits = [new RlimitConfig { Type = "RLIMIT_NOFILE", Soft = 1024, Hard = 1024 }] },
            Root = config.Root! with { Readonly = true },
        };
    }

    // Who is nobody on the host owns no network, no limits and no group 5 there.
    private static RuntimeConfig Rootless(RuntimeConfig config) => config with
    {
        Mounts = [.. config.Mounts.Select(Rootless)],
        Linux = config.Linux with
        {
            Namespaces = [.. config.Linux.Namespaces.Where(n => n.Type != "network"), new NamespaceConfig { Type = "user" }],
            UidMappings = [new IdMapping { HostId = ProcessImage.Uid, Size = 1 }],
            GidMappings = [new IdMapping { HostId = ProcessImage.Gid, Size = 1 }],
            Resources = null,
        },
    };

    private static MountConfig Rootless(MountConfig mount) => mount.Destination switch
    {
        "/sys" => new MountConfig { Destination = "/sys", Type = "none", Source = "/sys", Options = ["rbind", "nosuid", "noexec", "nodev", "ro"] },
        "/dev/pts" => mount with { Options = [.. mount.Options.Where(o => !o.StartsWith("gid=", StringComparison.Ordinal))] },
        _ => mount,
    };
}

/// <summary>Prints what starting the bundle would do, and does nothing.</summary>
internal static class PlanVerb
{
    public static int Run(string[] args)
    {
        var arguments = Arguments.Parse(args, [], ["--bundle", "-b"], 1);
        var bundle = Path.GetFullPath(arguments.Operands is [var directory, ..] ? directory : arguments.Value("--bundle", "-b") ?? ".");
        var config = Container.ReadConfig(bundle);
        var facts = ContainerLaunch.Facts(config, bundle, Path.GetFileName(bundle), new LaunchDescriptors(-1, -1));
        FileDescriptors.Write(1, ContainerPlan.Compile(config, facts).ToString());
        return 0;
    }
}
