using System.Text;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>
/// linux.sysctl. The files are those of the host's own /proc: what they show follows the namespaces of who opens them, and no image can have
/// put something else in their place.
/// </summary>
internal static class SysctlSteps
{
    private static readonly string[] s_ipc =
    [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
    ];

    public static void Add(Tape tape, RuntimeConfig config, NamespaceTable namespaces)
    {
        foreach (var (name, value) in config.Linux.Sysctl.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            var field = $"linux.sysctl[{name}]";
            var path = Path(name);
            CheckNamespaced(namespaces, path.Replace('/', '.'), config.Hostname, field);
            var file = tape.Add(field, Syscall.openat, HereDirectory, "/proc/sys/" + path, Argument.Flags(OpenFlags.WriteOnly | OpenFlags.NoFollow | OpenFlags.CloseOnExec), 0);
            var bytes = Encoding.UTF8.GetBytes(value);
            tape.Add(field, Syscall.write, file, Argument.Of(bytes, $"\"{value}\""), bytes.Length);
        }
    }

    // As sysctl(8): the first separator decides, so that net/ipv4/conf/eth0.1/forwarding can name a device with a dot.
    private static string Path(string name) =>
        name.IndexOfAny(['.', '/']) is var first and >= 0 && name[first] == '.' ? string.Concat(name.Select(c => c == '.' ? '/' : c == '/' ? '.' : c)) : name;

    private static void CheckNamespaced(NamespaceTable namespaces, string name, string? hostname, string field)
    {
        if (name == "kernel.hostname")
            throw new RuntimeConfigException(field, $"has a field of its own; accepted: hostname{(string.IsNullOrEmpty(hostname) ? "" : ", which is set")}");
        var kind = name.StartsWith("net.", StringComparison.Ordinal) ? NamespaceKinds.Network
            : s_ipc.Contains(name) || name.StartsWith("fs.mqueue.", StringComparison.Ordinal) ? NamespaceKinds.Ipc
            : name == "kernel.domainname" ? NamespaceKinds.Uts
            : throw new RuntimeConfigException(field, "is the whole machine's; accepted: net.*, fs.mqueue.*, kernel.domainname, " + string.Join(", ", s_ipc));
        if (name.Contains("..", StringComparison.Ordinal))
            throw new RuntimeConfigException(field, "has an empty part in its name; accepted: as in net.ipv4.ip_forward");
        if (!namespaces.Has(kind))
            throw new RuntimeConfigException(field, $"would change the host's; accepted: only with a {kind.ToString().ToLowerInvariant()} namespace of the container's own");
    }
}
