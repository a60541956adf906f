using System.Text;
using Microsoft.Extensions.Logging;
using Orchestrator.Engine.Containers;

namespace Orchestrator.Agent.Health;

/// <summary>Probes one running container until it ends.</summary>
internal sealed class HealthMonitor(ContainerEngine engine, Container container, HealthCheck check, ILogger logger)
{
    private const int OutputBytesMax = 4096;

    /// <param name="report">Told of every change of health, with what the last probe said.</param>
    /// <param name="isPaused">While the container stands still, nothing is probed, and what a probe says counts for nothing.</param>
    public async Task RunAsync(Model.Health known, Action<Model.Health, string> report, CancellationToken cancellationToken, Func<bool>? isPaused = null)
    {
        var progress = HealthProgress.Starting with { Health = known == Model.Health.None ? Model.Health.Starting : known };
        while (!container.Ended.IsCompleted)
        {
            await Task.WhenAny(container.Ended, Task.Delay(progress.Wait(check, Age), cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            if (container.Ended.IsCompleted)
                return;
            if (isPaused?.Invoke() == true)
                continue;
            var (passed, output) = await ProbeAsync(cancellationToken);
            if (isPaused?.Invoke() == true)
                continue;
            var next = progress.After(passed, check, Age);
            if (next.Health != progress.Health && !container.Ended.IsCompleted)
                report(next.Health, output);
            progress = next;
        }
    }

    private TimeSpan Age => DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(container.Record.StartedAtUnixMs);

    private async Task<(bool Passed, string Output)> ProbeAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(check.Timeout);
        try
        {
            await using var session = engine.Exec(container, new ExecOptions(check.Command));
            session.Input.Close();
            var output = ReadAsync(session.Output, timeout.Token);
            var error = ReadAsync(session.Error, timeout.Token);
            var code = await session.WaitAsync(timeout.Token);
            var text = (await output + await error).Trim();
            return (code == 0, code == 0 ? "" : text.Length > 0 ? text : $"the check ended with {code}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, $"the check took longer than {check.Timeout.TotalSeconds} s");
        }
        catch (ContainerException e)
        {
            logger.LogDebug("replica {Id}: health check: {Message}", container.Id, e.Message);
            return (false, e.Message);
        }
    }

    // All of it is read, so that the check does not block on a full pipe; the first part is kept.
    private static async Task<string> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var kept = new MemoryStream();
        var buffer = new byte[1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
            kept.Write(buffer, 0, Math.Min(read, OutputBytesMax - (int)kept.Length));
        return Encoding.UTF8.GetString(kept.GetBuffer(), 0, (int)kept.Length);
    }
}
