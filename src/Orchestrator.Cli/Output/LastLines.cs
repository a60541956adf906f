using System.Text;
using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Cli.Output;

/// <summary>The end of a replica's log, as an explanation of how it ended.</summary>
internal static class LastLines
{
    private const int Shown = 10;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    // The log is a courtesy: that there is none, or that it cannot be had, is not worth a second error.
    public static async Task ShowAsync(Session session, TextWriter writer, Replica replica, CancellationToken cancellation)
    {
        try
        {
            var request = new LogsRequest { Service = replica.Id, Tail = Shown };
            using var call = session.Api.Logs(request, deadline: DateTime.UtcNow + s_patience, cancellationToken: cancellation);
            await foreach (var line in call.ResponseStream.ReadAllAsync(cancellation))
                if (line.Error.Length == 0)
                    writer.WriteLine($"    {Text.Name(replica)} | {Text.OneLine(Encoding.UTF8.GetString(line.Text.Span))}");
        }
        catch (RpcException)
        {
            return;
        }
    }
}
