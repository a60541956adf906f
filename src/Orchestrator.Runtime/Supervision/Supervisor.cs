using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Supervision;

/// <summary>What is left of a start: waits for the container's end, keeps its log, writes exit.json. It does no more, so that it stays small and never fails.</summary>
internal sealed class Supervisor(Container container, SafeFileHandle child)
{
    /// <summary>For programs that hold the container's streams open although its processes are gone, as a container in the host's pid namespace can leave behind.</summary>
    private const int DrainReadsMax = 1024;

    public void Run(StreamLines[] streams, int[] descriptors)
    {
        foreach (var descriptor in descriptors)
            FileDescriptors.SetNonBlocking(descriptor);
        Follow(streams, descriptors);
        var status = Processes.Reap(child);
        Drain(streams, descriptors);
        var group = Container.CgroupOf(container.RequireRecord());
        var oomKilled = group.OomKills() > 0;
        group.KillAll();
        container.Save(new ExitRecord(status.Code, status.Signal, oomKilled, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()));
    }

    private void Follow(StreamLines[] streams, int[] descriptors)
    {
        Span<(int Fd, PollEvents Events)> waits = stackalloc (int, PollEvents)[descriptors.Length + 1];
        while (true)
        {
            for (var i = 0; i < descriptors.Length; i++)
                waits[i] = (descriptors[i], PollEvents.Readable);
            waits[^1] = (child.Number(), PollEvents.Readable);
            FileDescriptors.Poll(waits, -1);
            for (var i = 0; i < descriptors.Length; i++)
            {
                if (waits[i].Events != PollEvents.None && !streams[i].ReadFrom(descriptors[i]))
                    descriptors[i] = -1;
            }
            if (waits[^1].Events != PollEvents.None)
                return;
        }
    }

    private static void Drain(StreamLines[] streams, int[] descriptors)
    {
        for (var i = 0; i < streams.Length; i++)
        {
            for (var reads = 0; descriptors[i] >= 0 && reads < DrainReadsMax; reads++)
            {
                if (FileDescriptors.Poll(descriptors[i], PollEvents.Readable, 0) == PollEvents.None || !streams[i].ReadFrom(descriptors[i]))
                    break;
            }
            streams[i].Finish();
        }
    }
}
