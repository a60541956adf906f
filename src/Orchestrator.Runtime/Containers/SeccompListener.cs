using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Containers;

/// <summary>The agent that decides over calls which the filter leaves to it: gets the filter's descriptor, and what container it is of.</summary>
internal static class SeccompListener
{
    /// <param name="descriptor">The number in the child.</param>
    public static void Send(RuntimeConfig config, ChildProcess child, int descriptor, HookState state)
    {
        using var notifications = FileDescriptors.TakeFrom(child.PidFd, descriptor);
        var text = JsonSerializer.Serialize(new ContainerProcessState
        {
            Pid = child.Pid,
            Metadata = config.Linux.Seccomp!.ListenerMetadata,
            State = state,
        }, ContainerJson.Default.ContainerProcessState);
        var path = config.Linux.Seccomp.ListenerPath!;
        try
        {
            UnixSocket.SendDescriptor(path, notifications.Number(), text);
        }
        catch (LinuxException e)
        {
            throw new RuntimeConfigException("linux.seccomp.listenerPath", e.Message);
        }
    }
}
