using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Keeping;

namespace Orchestrator.Runtime.Verbs;

/// <summary>One of the keeper's launchers: starts the containers that it is told to, one after the other, as children of the keeper.</summary>
internal static class LaunchVerb
{
    public const string Name = "launch";

    /// <summary>A deployment's starts follow one another closer than this.</summary>
    private const int IdleMs = 1000;

    public static int Run(string root, string[] args)
    {
        FileDescriptors.SetCloseOnExec(KeeperSteps.Channel, true);
        // The keeper's starter may have been anywhere.
        Environment.CurrentDirectory = "/";
        var buffer = new byte[KeeperProtocol.MessageMax];
        while (FileDescriptors.Poll(KeeperSteps.Channel, PollEvents.Readable, IdleMs) != PollEvents.None)
        {
            var count = MessageSocket.Receive(KeeperSteps.Channel, buffer, [], out _);
            if (count == 0)
                break;
            Launch(root, args[0], StartRequest.Read(new MessageReader(buffer.AsSpan(0, count))), buffer);
        }
        return 0;
    }

    private static void Launch(string root, string program, StartRequest request, byte[] buffer)
    {
        try
        {
            using (FileSystem.Open(request.Log, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append, LogFile.Mode))
            {
            }
            Start(root, program, request, buffer);
        }
        catch (Exception e) when (Program.IsRefusal(e))
        {
            MessageSocket.TrySend(KeeperSteps.Channel, new Refusal(request.Id, e.Message).Write(buffer, MessageKind.Failed));
        }
    }

    private static void Start(string root, string program, StartRequest request, byte[] buffer)
    {
        var container = new Container(root, request.Id);
        var config = Container.ReadConfig(request.Bundle);
        var hasInput = request.Input != InputMode.None;
        var launch = new ContainerLaunch(container, request.Bundle, config, program);
        using var child = launch.StartKept(KeptRecord.Of(request), hasInput, out var streams);
        var process = new RunningProcess(request.Id, child.Pid, launch.Record!.StartTime);
        Span<int> descriptors = stackalloc int[MessageSocket.DescriptorsMax];
        using (streams)
        using (launch.Terminal)
        {
            var count = streams.Ours(launch.Terminal, hasInput, descriptors);
            var answer = new LaunchAnswer(process, launch.Terminal is not null, hasInput, launch.Record.CgroupPath);
            if (!MessageSocket.TrySend(KeeperSteps.Channel, answer.Write(buffer), descriptors[..count]))
                launch.Undo(child);
        }
    }
}
