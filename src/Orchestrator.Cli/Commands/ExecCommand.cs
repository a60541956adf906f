using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Commands;

internal static class ExecCommand
{
    public static Command Create(Shell shell)
    {
        var options = new ExecOptionSet("CONTAINER|REPLICA COMMAND");
        var command = new Command("exec", "Run a command in a running container of this machine or replica; ends with its exit code");
        options.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var start = options.Read(parse);
            if (await LocalStreams.FindAsync(session, start.Replica, cancellation) is { } container)
            {
                start.Replica = container.Id;
                return await new ExecStream(session, start, stop => session.Containers.Exec(cancellationToken: stop)).RunAsync(cancellation);
            }
            if (start.Detach)
                throw new RefusedException($"--detach is for containers of this machine, and it has none named {start.Replica}", ExitCode.Usage);
            try
            {
                return await new ExecStream(session, start, stop => session.Api.Exec(cancellationToken: stop)).RunAsync(cancellation);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound && session.HasEngine)
            {
                throw LocalStreams.Nowhere(start.Replica, e);
            }
        });
    }
}
