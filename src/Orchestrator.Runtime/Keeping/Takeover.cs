using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Keeping;

/// <summary>After a keeper was killed: the next one finds its containers on disk. They ran on meanwhile, as they hold their FIFOs open themselves.</summary>
internal static class Takeover
{
    public static void Run(Keeper keeper, string root)
    {
        foreach (var container in Container.List(root))
        {
            if (container.Record is { Kept: { } kept, Pid: > 0 } record && container.Exit is null)
                Take(keeper, container, record, kept);
        }
    }

    private static void Take(Keeper keeper, Container container, ContainerRecord record, KeptRecord kept)
    {
        var held = new KeptContainer(keeper, kept.ToRequest(container.Id, record.Bundle)) { CgroupPath = record.CgroupPath };
        keeper.Add(held);
        var process = new RunningProcess(container.Id, record.Pid, record.StartTime);
        var output = OpenFifo(container.FifoPath("output"));
        var descriptors = new ContainerDescriptors(output, OpenFifo(container.FifoPath("errors")), null, HasTerminal: output is null);
        var alive = Container.OpenProcess(record);
        keeper.Hold(held, process, descriptors, alive);
        if (alive is null)
            held.End(Processes.StatusOfZombie(record.Pid, record.StartTime) ?? AdoptedProcess.Unknown);
    }

    /// <summary>Null where there is none: a terminal's master ended with the keeper.</summary>
    private static SafeFileHandle? OpenFifo(string path) =>
        FileSystem.Status(path) is { Kind: FileKind.Fifo } ? FileSystem.Open(path, OpenFlags.ReadWrite | OpenFlags.NonBlocking) : null;
}
