using Orchestrator.Linux;

namespace Orchestrator.Runtime.Verbs;

internal static class VersionVerb
{
    public const string Verbs = "create, start, run, state, kill, delete, exec, list, spec, plan, keeper, init, features";

    public static int Run()
    {
        var version = typeof(VersionVerb).Assembly.GetName().Version!.ToString(3);
        FileDescriptors.Write(1, $"orc-runtime version {version}\nspec: 1.2.0\n");
        return 0;
    }

    public static int Help()
    {
        FileDescriptors.Write(1, $"usage: orc-runtime [--root DIR] [--log FILE] COMMAND ...\ncommands: {Verbs}\n");
        return 0;
    }

    public static int Features()
    {
        FileDescriptors.Write(1, """
            {"ociVersionMin":"1.0.0","ociVersionMax":"1.2.0","linux":{"namespaces":["cgroup","ipc","mount","network","pid","time","uts"],
            "cgroup":{"v1":true,"v2":true,"systemd":false},"seccomp":{"enabled":true,"archs":["SCMP_ARCH_X86_64"]}}}

            """);
        return 0;
    }
}
