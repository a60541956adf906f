using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

internal static class SpecVerb
{
    public static int Run(string[] args)
    {
        var arguments = Arguments.Parse(args, [], ["--bundle", "-b"], 0);
        var path = Path.Combine(arguments.Value("--bundle", "-b") ?? ".", "config.json");
        if (File.Exists(path))
            throw new RefusedException($"{path} exists already");
        File.WriteAllBytes(path, DefaultProfile.Config().ToJson());
        return 0;
    }
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
