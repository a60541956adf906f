using System.Buffers.Binary;
using System.Text;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>
/// From the launcher's namespaces into the container's. Most are made by the clone itself. A process cannot enter a pid namespace, nor
/// a time namespace that it made, only its children can: then the clone makes an intermediate child, which enters what there is to enter, clones
/// the container's process as a brother of its own, tells its pid, and ends.
/// </summary>
internal sealed class NamespaceSteps(Tape tape, RuntimeConfig config, NamespaceTable namespaces, LaunchFacts facts)
{
    private const int CloneArgumentsSize = 88, ExitSignalOffset = 32;
    private const ulong CloneParent = 0x8000;
    private readonly ReportSteps _reports = new(tape, facts);

    public bool NeedsIntermediate => NeedsIntermediateFor(namespaces, config.Linux);

    /// <summary>What the launcher's own clone makes.</summary>
    public NamespaceKinds ByLauncher => NeedsIntermediate ? NamespaceKinds.None : ByClone;

    // A group namespace's root is the group that the process is in when it is made: so not by the clone.
    private NamespaceKinds ByClone => namespaces.New & ~NamespaceKinds.Cgroup & ~(HasOffsets(config.Linux) ? NamespaceKinds.Time : 0);

    public void Enter()
    {
        Check();
        Join();
        if (NeedsIntermediate)
            CloneAgain();
        tape.Add("", Syscall.setsid);
        if (namespaces.IsNew(NamespaceKinds.User))
            _reports.Ask(ChildReports.MapsWanted, "linux.uidMappings");
        if (namespaces.IsNew(NamespaceKinds.Cgroup))
            tape.Add(namespaces.Field(NamespaceKinds.Cgroup), Syscall.unshare, Argument.Named((long)NamespaceKinds.Cgroup, "CLONE_NEWCGROUP"));
        Name(config.Hostname, Syscall.sethostname, "hostname");
        Name(config.Domainname, Syscall.setdomainname, "domainname");
    }

    /// <summary>In a user namespace of its own a process is nobody until it says who. Files that only the host's root can reach must be open by then.</summary>
    public static void BecomeRoot(Tape tape, NamespaceTable namespaces)
    {
        if (!namespaces.Has(NamespaceKinds.User))
            return;
        // A namespace that an unprivileged user made does not let anybody change groups.
        tape.Add("linux.gidMappings", Syscall.setgroups, 0, Argument.Null).Tolerate(Errno.EPERM);
        tape.Add("linux.gidMappings", Syscall.setresgid, 0, 0, 0);
        tape.Add("linux.uidMappings", Syscall.setresuid, 0, 0, 0);
    }

    private static bool HasOffsets(LinuxConfig linux) => linux.TimeOffsets.Count > 0;

    private static bool NeedsIntermediateFor(NamespaceTable namespaces, LinuxConfig linux) =>
        HasOffsets(linux) || namespaces.Joined.Any(u => u.Kind is NamespaceKinds.Pid or NamespaceKinds.User)
        || (namespaces.IsNew(NamespaceKinds.User) && namespaces.Joined.Any());

    private void Check()
    {
        if (HasOffsets(config.Linux) && !namespaces.IsNew(NamespaceKinds.Time))
            throw new RuntimeConfigException("linux.timeOffsets", "need a new time namespace; accepted: only with {\"type\": \"time\"} in linux.namespaces");
    }

    // All are opened first: behind the mount namespace's door the paths mean something else. The user namespace comes last, as it takes rights away.
    private void Join()
    {
        var opened = namespaces.Joined.OrderBy(u => u.Kind switch { NamespaceKinds.User => 2, NamespaceKinds.Mount => 1, _ => 0 })
            .Select(u => (Use: u, File: tape.Add(u.Field + ".path", Syscall.openat, HereDirectory, u.Path!, Argument.Flags(OpenFlags.ReadOnly | OpenFlags.CloseOnExec), 0)))
            .ToList();
        if (HasOffsets(config.Linux))
            OffsetTime();
        foreach (var (use, file) in opened)
            tape.Add(use.Field + ".path", Syscall.setns, file, Argument.Named((long)use.Kind, use.Kind));
    }

    private void OffsetTime()
    {
        tape.Add(namespaces.Field(NamespaceKinds.Time), Syscall.unshare, Argument.Named((long)NamespaceKinds.Time, "CLONE_NEWTIME"));
        foreach (var (clock, offset) in config.Linux.TimeOffsets.OrderBy(o => o.Key, StringComparer.Ordinal))
        {
            var field = $"linux.timeOffsets.{clock}";
            if (clock is not ("monotonic" or "boottime"))
                throw new RuntimeConfigException(field, "is no clock that a time namespace has; accepted: monotonic, boottime");
            var file = tape.Add(field, Syscall.openat, HereDirectory, "/proc/self/timens_offsets", Argument.Flags(OpenFlags.WriteOnly | OpenFlags.CloseOnExec), 0);
            var text = $"{clock} {offset.Secs} {offset.Nanosecs}";
            tape.Add(field, Syscall.write, file, Argument.Of(Encoding.ASCII.GetBytes(text), $"\"{text}\""), text.Length);
        }
    }

    private void CloneAgain()
    {
        var arguments = new byte[CloneArgumentsSize];
        BinaryPrimitives.WriteUInt64LittleEndian(arguments, (ulong)ByClone | CloneParent);
        BinaryPrimitives.WriteUInt64LittleEndian(arguments.AsSpan(ExitSignalOffset), 0);
        var clone = tape.Add("linux.namespaces", Syscall.clone3, Argument.Of(arguments, $"{{{ByClone}, parent}}"), CloneArgumentsSize);
        var report = ReportSteps.WithResultOf(clone, ChildReports.Cloned);
        _reports.Send(report, "linux.namespaces");
        tape.Add("", Syscall.exit_group, 0);
        clone.NextIfZero = tape.End;
    }

    private void Name(string? name, Syscall call, string field)
    {
        if (string.IsNullOrEmpty(name))
            return;
        if (!namespaces.Has(NamespaceKinds.Uts))
            throw new RuntimeConfigException(field, "would change the host's; accepted: only with a uts namespace");
        tape.Add(field, call, name, Encoding.UTF8.GetByteCount(name));
    }
}
