using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>
/// Logs and exec of a container of this machine. The rule for a name: `orc logs` and `orc exec` look among this machine's containers first, then in
/// the cluster; STACK/SERVICE always means the cluster, `orc container logs` and `orc container exec` always this machine.
/// </summary>
internal static class LocalStreams
{
    public static Command Logs(Shell shell)
    {
        var name = ContainerCommands.Name();
        var options = new LogOptionSet();
        var command = new Command("logs", "Show what a container of this machine wrote") { name };
        options.AddTo(command);
        return shell.On(command, (session, parse, cancellation) => LogsAsync(session, options.Local(parse, parse.GetRequiredValue(name)), parse.GetValue(options.Timestamps), cancellation));
    }

    public static Command Exec(Shell shell)
    {
        var options = new ExecOptionSet("CONTAINER COMMAND");
        var command = new Command("exec", "Run a command in a running container of this machine; ends with its exit code");
        options.AddTo(command);
        return shell.On(command, (session, parse, cancellation) =>
            new ExecStream(session, options.Read(parse), stop => session.Containers.Exec(cancellationToken: stop)).RunAsync(cancellation));
    }

    /// <summary>The container of this machine that a name means; null when it means none, or nobody can be asked.</summary>
    public static async Task<LocalContainer?> FindAsync(Session session, string name, CancellationToken cancellation)
    {
        if (name.Contains('/', StringComparison.Ordinal) || !session.HasEngine)
            return null;
        try
        {
            return await session.Containers.InspectAsync(new LocalName { Name = name }, cancellationToken: cancellation);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
        catch (RefusedException)
        {
            // A socket without an agent behind it, or one that is root's: the cluster may know the name.
            return null;
        }
    }

    /// <summary>After this machine did not know the name: the cluster's refusal says that both were asked.</summary>
    public static RefusedException Nowhere(string name, RpcException fromCluster) => new(
        $"this machine has no container \"{name}\" (`orc ps -a`), and the cluster: {fromCluster.Status.Detail}");

    public static async Task<int> LogsAsync(Session session, LocalLogsRequest request, bool timestamps, CancellationToken cancellation)
    {
        var lines = new LogLines(session, timestamps, prefix: false);
        using var call = session.Containers.Logs(request, cancellationToken: cancellation);
        await foreach (var line in call.ResponseStream.ReadAllAsync(cancellation))
            await lines.WriteAsync(line, cancellation);
        return ExitCode.Done;
    }
}
