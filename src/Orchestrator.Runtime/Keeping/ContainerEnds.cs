using System.Globalization;
using System.Text;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Keeping;

/// <summary>Puts ends on record: exit.json in the container's directory. Nothing of the container runs after that.</summary>
internal sealed class ContainerEnds(string root, CgroupLayout layout)
{
    public Ended Record(KeptContainer container, ExitStatus status)
    {
        var group = new Cgroup(layout, container.CgroupPath);
        var ended = new Ended(container.Id, status.Code, status.Signal, group.OomKills() > 0, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        // Its pid namespace is empty by now; there may be processes in the host's, or in another container's.
        if (group.HasProcesses())
            group.KillAll();
        try
        {
            Write($"{root}/{container.Id}/exit.json", ended);
        }
        catch (LinuxException)
        {
            // Deleted by another in this moment, or a full disk: who listens hears of it all the same.
        }
        return ended;
    }

    // By hand: what reads and writes JSON would take more memory than all else here.
    private static void Write(string path, Ended ended)
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{{\"exitCode\":{ended.ExitCode},\"signal\":{ended.Signal},\"oomKilled\":{(ended.OomKilled ? "true" : "false")},\"finishedAtUnixMs\":{ended.FinishedAtUnixMs}}}");
        using (var file = FileSystem.Open(path + ".new", OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate, LogFile.Mode))
            FileDescriptors.Write(file.Number(), Encoding.ASCII.GetBytes(text));
        FileSystem.Rename(path + ".new", path);
    }
}
