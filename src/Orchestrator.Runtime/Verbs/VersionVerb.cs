using Orchestrator.Linux;

namespace Orchestrator.Runtime.Verbs;

internal static class VersionVerb
{
    public const string Verbs = "create, start, run, exec, kill, delete, state, list, ps, pause, resume, events, update, spec, features, plan, keeper, init";

    public static int Run()
    {
        var version = typeof(VersionVerb).Assembly.GetName().Version!.ToString(3);
        FileDescriptors.Write(1, $"orc-runtime version {version}\nspec: 1.2.0\n");
        return 0;
    }

    public static int Help()
    {
        FileDescriptors.Write(1, $"""
            usage: orc-runtime [--root DIR] [--log FILE] [--log-format text|json] COMMAND ...
            commands: {Verbs}
            The commands and their options are those of runc; plan prints what starting a bundle would do.

            """);
        return 0;
    }
}
