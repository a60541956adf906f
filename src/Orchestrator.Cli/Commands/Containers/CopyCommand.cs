using System.CommandLine;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>`orc cp`: files between this machine and a container of it.</summary>
internal static class CopyCommand
{
    public static Command Create(Shell shell)
    {
        var source = new Argument<string>("SOURCE") { Description = "path here, CONTAINER:PATH, or - for a tar on standard input" };
        var target = new Argument<string>("TARGET") { Description = "path here, CONTAINER:PATH, or - for a tar on standard output" };
        var archive = Flag.Switch("--archive", "keep owners", "-a");
        var follow = Flag.Switch("--follow-link", "copy what a link leads to", "-L");
        var quiet = Flag.Switch("--quiet", "accepted for Docker's sake: nothing is said", "-q");
        return shell.On(new Command("cp", "Copy files between this machine and a container, running or not") { source, target, archive, follow, quiet }, (session, parse, cancellation) =>
            new CopyFlow(session, parse.GetValue(archive), parse.GetValue(follow)).RunAsync(parse.GetRequiredValue(source), parse.GetRequiredValue(target), cancellation));
    }
}
