namespace Orchestrator.Runtime.Verbs;
internal static class CreateVerb { public static int Run(string root, string[] args) => 1; }
internal static class StartVerb { public static int Run(string root, string[] args) => 1; }
internal static class RunVerb { public static int Run(string root, string[] args) => 1; }
internal static class ExecVerb { public static int Run(string root, string[] args) => 1; }
internal static class InitVerb { public static int Run(string[] args) => 1; }
