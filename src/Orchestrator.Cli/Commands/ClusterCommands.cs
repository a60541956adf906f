using System.CommandLine;
using System.Text;
using Orchestrator.Cli.Output;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Cli.Commands;

internal static class ClusterCommands
{
    public static Command Create(Shell shell) => new("cluster", "Show the servers of the cluster, and how to join")
    {
        Info(shell),
        new Command("context", "The file through which this program finds the cluster") { Refresh(shell) },
    };

    private static Command Info(Shell shell)
    {
        var tokens = new Option<bool>("--tokens") { Description = "also the tokens with which servers and agents join: secrets" };
        return shell.On(new Command("info", "Show the servers, the leader and the state of the nodes") { tokens }, async (session, parse, cancellation) =>
        {
            var request = new GetClusterInfoRequest { Tokens = parse.GetValue(tokens) };
            var info = await session.Api.GetClusterInfoAsync(request, cancellationToken: cancellation);
            session.Out.Write(session.Json ? JsonOutput.Text(JsonOutput.Of(info)) : Describe(info));
            return ExitCode.Done;
        });
    }

    private static Command Refresh(Shell shell) =>
        shell.On(new Command("refresh", "Write the servers that the cluster has now into the context file"), async (session, _, cancellation) =>
        {
            var info = await session.Api.GetClusterInfoAsync(new GetClusterInfoRequest(), cancellationToken: cancellation);
            var path = AdminContext.Find(session.ContextPath);
            (AdminContext.Load(path) with { Servers = [.. info.Servers.Select(s => s.ApiAddress)] }).Save(path);
            session.Out.WriteLine($"{path}: {string.Join(", ", info.Servers.Select(s => s.ApiAddress))}");
            return ExitCode.Done;
        });

    private static string Describe(GetClusterInfoResponse info)
    {
        var servers = new Table("SERVER", "HOSTNAME", "API", "RAFT", "ROLE");
        foreach (var server in info.Servers)
            servers.Add(Text.ShortId(server.Id), server.Hostname, server.ApiAddress, server.RaftAddress, server.Id == info.LeaderId ? "leader" : "follower");
        var text = new StringBuilder()
            .Append("cluster   ").Append(info.Id).Append('\n')
            .Append("version   ").Append(info.Version).Append('\n')
            .Append("revision  ").Append(info.Revision).Append(", term ").Append(info.Term).Append('\n')
            .Append("nodes     ").Append(info.NodesReady).Append(" of ").Append(info.NodesTotal).Append(" ready\n\n")
            .Append(servers.Render(0));
        var addresses = string.Join(',', info.Servers.Select(s => s.ApiAddress));
        if (info.ServerToken.Length > 0)
            text.Append("\nto join a server:\n  orcd server --join ").Append(addresses).Append(" --token ").Append(info.ServerToken).Append('\n');
        if (info.AgentToken.Length > 0)
            text.Append("\nto join an agent:\n  orcd agent --join ").Append(addresses).Append(" --token ").Append(info.AgentToken).Append('\n');
        return text.ToString();
    }
}
