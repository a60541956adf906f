namespace Orchestrator.Tests;

/// <summary>The checked-out sources that this build was made from.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string from) =>
        File.Exists(Path.Combine(from, "Orchestrator.slnx")) ? from : Find(Path.GetDirectoryName(from)!);
}
