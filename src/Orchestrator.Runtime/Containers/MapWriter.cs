using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>What a parent does for a child in a new user namespace: its maps, and what only the host's root may set.</summary>
internal static class MapWriter
{
    /// <exception cref="RuntimeConfigException">The kernel refuses a map.</exception>
    public static void Write(int pid, UserMaps maps, ProcessConfig process)
    {
        var directory = $"/proc/{pid}/";
        // Before it could map a group, an unprivileged user must give up the right to drop groups.
        if (ProcessImage.Uid != 0)
            Write(directory + "setgroups", "deny", "linux.gidMappings");
        Write(directory + "gid_map", UserMaps.Text(maps.Gids), "linux.gidMappings");
        Write(directory + "uid_map", UserMaps.Text(maps.Uids), "linux.uidMappings");
        if (process.OomScoreAdj is { } score && ProcessImage.Uid == 0)
            WriteScore(directory + "oom_score_adj", score);
        foreach (var limit in process.Rlimits)
            RaiseLimit(pid, limit);
    }

    // Lowering needs a right that the machine may not give; the container is then only less protected.
    private static void WriteScore(string path, int score)
    {
        try
        {
            File.WriteAllText(path, $"{score}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    // The child sets its limits itself, but in its namespace it may not raise a hard one. What is refused here is refused there again, by name.
    private static void RaiseLimit(int pid, RlimitConfig limit)
    {
        if (CredentialSteps.LimitNumber(limit.Type) is { } number)
            ResourceLimits.RaiseHard(pid, number, limit.Hard);
    }

    private static void Write(string path, string text, string field)
    {
        try
        {
            File.WriteAllText(path, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeConfigException(field, $"the kernel refuses \"{text.TrimEnd('\n')}\" for {path}: {e.Message}");
        }
    }
}
