using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Networks;
using Orchestrator.Model;

namespace Orchestrator.Agent.Local;

/// <summary>A container of this machine as it is shown.</summary>
internal static class LocalView
{
    private const int Unseen = 255;

    public static LocalContainer Of(LocalRunner runner, LocalSurroundings around)
    {
        var record = runner.Record;
        var container = runner.Container;
        var shown = new LocalContainer
        {
            Id = record.Id,
            Name = record.Name,
            Spec = record.Spec,
            State = State(runner, container),
            CreatedMs = record.CreatedMs,
            Restarts = record.Restarts,
            ImageDigest = record.ImageDigest,
            StoppedByUser = record.StoppedByUser,
            LogPath = container?.LogPath ?? "",
        };
        shown.Ports.AddRange(record.Ports);
        shown.Command.AddRange(record.Command);
        AddRun(shown, runner, container);
        AddMounts(shown, record, around);
        if (around.DataPlane.Networks.Find(record.Id)?.Addresses.GetValueOrDefault(MachineNetwork.Id) is { } address)
            shown.Address = address.ToString();
        return shown;
    }

    /// <summary>What its own program ended with, or why it never began: 126 and 127 as a shell has them.</summary>
    public static int ExitCode(Container container) => container.Record switch
    {
        // Nobody saw it end: Docker's code for that.
        { Exit.ExitCode: < 0, StartedAtUnixMs: > 0 } => Unseen,
        { Exit: { } exit, StartedAtUnixMs: > 0 } => exit.ExitCode,
        { Exit: { Error: { } error } } => StartFailure.ExitCode(error),
        _ => 0,
    };

    private static LocalState State(LocalRunner runner, Container? container)
    {
        if (runner.Record.Removing)
            return LocalState.LocalRemoving;
        if (runner.IsRunning)
            return runner.Run!.IsPaused ? LocalState.LocalPaused : LocalState.LocalRunning;
        if (runner.WaitsToRestart)
            return LocalState.LocalRestarting;
        return container is null or { State: ContainerState.Created } ? LocalState.LocalCreated : LocalState.LocalExited;
    }

    private static void AddRun(LocalContainer shown, LocalRunner runner, Container? container)
    {
        if (container is null)
            return;
        shown.StartedMs = container.Record.StartedAtUnixMs;
        if (runner.IsRunning)
        {
            shown.Pid = container.Record.Process?.Pid ?? 0;
            (shown.Health, shown.HealthOutput) = (runner.Run!.Health, runner.Run.HealthOutput);
            return;
        }
        if (container.Record.Exit is not { } exit)
            return;
        (shown.FinishedMs, shown.OomKilled, shown.Error, shown.ExitCode) = (exit.FinishedAtUnixMs, exit.OomKilled, exit.Error ?? "", ExitCode(container));
    }

    private static void AddMounts(LocalContainer shown, LocalRecord record, LocalSurroundings around)
    {
        var anonymous = 0;
        foreach (var mount in record.Spec.Container.Mounts)
        {
            var name = mount.Type != MountType.Volume ? "" : mount.Source.Length > 0 ? mount.Source : record.AnonymousVolumes.ElementAtOrDefault(anonymous++) ?? "";
            var source = mount.Type switch
            {
                MountType.Volume => name.Length > 0 ? around.Engine.Volumes.PathOf(name) : "",
                MountType.Bind => mount.Source,
                _ => "",
            };
            shown.Mounts.Add(new LocalMount { Type = mount.Type, Name = name, Source = source, Target = mount.Target, ReadOnly = mount.ReadOnly });
        }
    }
}
