using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>The parent's side of a start: answers what the child reports, until it runs its program, waits for <c>start</c>, or fails.</summary>
internal sealed class LaunchTalk(Container container, string bundle, RuntimeConfig config, ContainerPlan plan, LaunchFacts facts, ChildProcess child) : IDisposable
{
    /// <summary>A child that says nothing for so long hangs on a mount or a device.</summary>
    private const int ReportTimeoutMs = 60_000;

    /// <summary>The container's process: not the first child when that was an intermediate one.</summary>
    public ChildProcess Child { get; private set; } = child;

    /// <summary>The terminal's master, when config.json asks for a terminal.</summary>
    public SafeFileHandle? Terminal { get; private set; }

    /// <summary>From the first hook on, the container has been seen, and its end is to be told.</summary>
    public bool HooksRan { get; private set; }

    /// <summary>Called once, when the container's pid is known.</summary>
    public required Action<ChildProcess> Known { get; init; }

    /// <summary>Waits for a child's end, and reaps it if that is ours to do.</summary>
    public required Action<ChildProcess> Await { get; init; }

    /// <exception cref="RefusedException">The start failed: a step of the child's, a hook, or an answer. The child may still be there.</exception>
    public void Run(int errorPipe)
    {
        if (!plan.ClonesAgain)
            Known(Child);
        while (true)
        {
            if (FileDescriptors.Poll(errorPipe, PollEvents.Readable, ReportTimeoutMs) == PollEvents.None)
                throw new RefusedException($"container {container.Id} has not started within {ReportTimeoutMs / 1000} s");
            var report = Launcher.ReadFailure(errorPipe);
            if (report is null or { StepIndex: (int)ChildReports.ReadyToStart })
                return;
            if (report.Value.StepIndex >= 0)
                throw new RefusedException(FailureText.Describe(plan.Tape, report.Value, config.Process!.Args));
            Answer(report.Value.StepIndex, report.Value.Errno);
        }
    }

    public void Dispose() => Child.Dispose();

    private void Answer(int kind, int number)
    {
        switch (kind)
        {
            case (int)ChildReports.Cloned:
                TakeOver(number);
                return;
            case (int)ChildReports.MapsWanted:
                MapWriter.Write(Child.Pid, plan.Maps!, config.Process!);
                break;
            case (int)ChildReports.CopyWanted:
                CopyUp();
                break;
            case (int)ChildReports.CreateHooks:
                RunCreateHooks();
                break;
            case (int)ChildReports.TerminalReady:
                Terminal = FileDescriptors.TakeFrom(Child.PidFd, LaunchDescriptors.TerminalInChild);
                break;
            case (int)ChildReports.ListenerReady:
                SeccompListener.Send(config, Child, number, Hooks.State("creating", Child.Pid));
                break;
            case (int)ChildReports.StartHooks:
                Hooks.RunStart(Child.Pid);
                break;
            default:
                throw new InvalidOperationException($"a child reports {kind}");
        }
        FileDescriptors.Write(facts.Descriptors.TerminalAnswer, "."u8);
    }

    private HookRunner Hooks => new(container.Id, bundle, config, facts);

    private void TakeOver(int pid)
    {
        Await(Child);
        Child.Dispose();
        Child = new ChildProcess(pid, LaunchPipes.MoveUp(Processes.OpenPidFd(pid)));
        Known(Child);
    }

    private void RunCreateHooks()
    {
        NetDeviceMoves.Run(config.Linux.NetDevices, Child.Pid);
        if (config.Hooks is not { } hooks)
            return;
        HooksRan = true;
        Hooks.Run(hooks.Prestart, "hooks.prestart", "creating", Child.Pid);
        Hooks.Run(hooks.CreateRuntime, "hooks.createRuntime", "creating", Child.Pid);
        Hooks.RunCreateContainer(Child.Pid);
    }

    private void CopyUp()
    {
        using var source = FileDescriptors.TakeFrom(Child.PidFd, LaunchDescriptors.CopySourceInChild);
        using var target = FileDescriptors.TakeFrom(Child.PidFd, LaunchDescriptors.CopyTargetInChild);
        TreeCopy.Run(source, target);
    }
}
