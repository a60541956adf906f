namespace Orchestrator.Engine.Containers;

/// <param name="DataDirectory">Bundles, writable layers and logs are in its containers/, named volumes in its volumes/.</param>
/// <param name="RunDirectory">The runtime's own state is in its runtime/; it may be lost with a reboot.</param>
/// <param name="RuntimePath">The program `orc-runtime`.</param>
/// <param name="CgroupParent">Containers' cgroups are made below this one.</param>
public sealed record EngineOptions(string DataDirectory, string RunDirectory, string RuntimePath, string CgroupParent = "orchestrator")
{
    /// <summary>A log file is rotated when it grows beyond this.</summary>
    public long LogBytesMax { get; init; } = 10 * 1024 * 1024;

    /// <summary>How many files a container's log may have.</summary>
    public int LogFilesMax { get; init; } = 3;

    internal string Containers => Path.Combine(DataDirectory, "containers");
    internal string Volumes => Path.Combine(DataDirectory, "volumes");
    internal string RuntimeRoot => Path.Combine(RunDirectory, "runtime");
}
