using System.CommandLine;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Containers of this machine. Every verb is there as `orc VERB` and as `orc container VERB`; the latter never means the cluster.</summary>
internal static class ContainerCommands
{
    public static Command Create(Shell shell)
    {
        var group = new Command("container", "Containers of this machine")
        {
            ListCommands.List(shell),
            ListCommands.Prune(shell),
            LocalStreams.Logs(shell),
            LocalStreams.Exec(shell),
        };
        foreach (var verb in Verbs(shell))
            group.Add(verb);
        return group;
    }

    /// <summary>Those that name nothing of the cluster.</summary>
    public static IEnumerable<Command> Verbs(Shell shell) =>
    [
        RunCommands.Run(shell),
        RunCommands.Create(shell),
        LifeCommands.Start(shell),
        LifeCommands.Attach(shell),
        LifeCommands.Stop(shell),
        LifeCommands.Restart(shell),
        LifeCommands.Kill(shell),
        LifeCommands.Pause(shell),
        LifeCommands.Unpause(shell),
        LifeCommands.Wait(shell),
        LifeCommands.Rename(shell),
        LifeCommands.Update(shell),
        LifeCommands.Remove(shell),
        InspectCommands.Inspect(shell),
        InspectCommands.Top(shell),
        InspectCommands.Port(shell),
        InspectCommands.Changes(shell),
        StatsCommand.Create(shell),
        CopyCommand.Create(shell),
        EventsCommand.Create(shell),
    ];

    public static Argument<string> Name() => new("CONTAINER") { Description = "its name, its id, or the beginning of its id" };

    public static Argument<string[]> Names(ArgumentArity? arity = null) =>
        new("CONTAINER") { Description = "names, ids, or beginnings of ids", Arity = arity ?? ArgumentArity.OneOrMore };
}
