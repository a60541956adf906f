using System.Diagnostics;

namespace Orchestrator.Linux.Cgroups;

/// <summary>Stops all processes of a group where they are, and lets them go on: version 1's freezer, or version 2's <c>cgroup.freeze</c>.</summary>
public sealed class CgroupFreezer(CgroupLayout layout, Cgroup group)
{
    private const int PauseMs = 1;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly bool _isUnified = layout.Find("freezer") is null;

    /// <summary>Null on a machine that can freeze nothing.</summary>
    private string? StateFile => _isUnified ? group.FilePath("cgroup", "cgroup.freeze") : group.FilePath("freezer", "freezer.state");

    /// <summary>Also true for a group that is about to be frozen.</summary>
    public bool IsFrozen => Read(StateFile) is "FROZEN" or "FREEZING" or "1";

    /// <summary>Returns once every process stands still.</summary>
    /// <exception cref="IOException">A process does not stop: it hangs in the kernel. The group runs again then.</exception>
    public void Freeze()
    {
        var clock = Stopwatch.StartNew();
        Write(_isUnified ? "1" : "FROZEN");
        while (!HasStopped())
        {
            if (clock.Elapsed > s_patience)
            {
                Thaw();
                throw new IOException($"the cgroup {group.Path} is not frozen after {s_patience.TotalSeconds} s: a process of it hangs in the kernel");
            }
            Thread.Sleep(PauseMs);
            // Version 1 needs to be asked again when a process was forked meanwhile.
            if (!_isUnified)
                Write("FROZEN");
        }
    }

    public void Thaw()
    {
        if (StateFile is { } file && File.Exists(file))
            Write(_isUnified ? "0" : "THAWED");
    }

    private bool HasStopped() => _isUnified
        ? File.ReadLines(group.FilePath("cgroup", "cgroup.events")!).Contains("frozen 1")
        : Read(StateFile) == "FROZEN";

    private void Write(string state) =>
        File.WriteAllText(StateFile ?? throw new IOException("pausing needs the cgroup controller freezer or cgroup version 2, and this machine has neither"), state);

    private static string Read(string? file) => file is not null && File.Exists(file) ? File.ReadAllText(file).Trim() : "";
}
