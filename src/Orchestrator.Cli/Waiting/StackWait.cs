using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Waiting;

/// <summary>Waits until every service of a stack is up, shows how far they are, and says why one does not come up.</summary>
/// <param name="revision">Of the change that is waited for; older pictures do not count.</param>
internal sealed class StackWait(Session session, string stack, ulong revision, TimeSpan timeout, TimeSpan settle)
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);

    private readonly long _began = Environment.TickCount64;
    private readonly ProgressView _view = new(session);
    private long? _upSince;

    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watch = new StackWatch(session, stack);
        var pump = watch.PumpAsync(watching.Token);
        try
        {
            return await JudgeAsync(watch, cancellation);
        }
        catch (Exception e) when (cancellation.IsCancellationRequested && e is OperationCanceledException or RpcException)
        {
            session.Error.WriteLine($"orc: stopped waiting; the cluster goes on with it: `orc ps {stack}` shows how far it is");
            return ExitCode.Interrupted;
        }
        finally
        {
            await watching.CancelAsync();
            await pump;
        }
    }

    private TimeSpan Waited => TimeSpan.FromMilliseconds(Environment.TickCount64 - _began);

    private async Task<int> JudgeAsync(StackWatch watch, CancellationToken cancellation)
    {
        WatchStackResponse? latest = null;
        while (true)
        {
            latest = await watch.NextAsync(s_tick, cancellation) is { } next && next.Revision >= revision ? next : latest;
            if (latest is { Exists: false })
                throw new RefusedException($"stack {stack} was removed meanwhile");
            var services = latest is null ? [] : ServiceProgress.Of(latest, Waited, revision);
            _view.Show(services);
            if (latest is not null && IsUp(services))
                return ExitCode.Done;
            if (services.FirstOrDefault(s => s.Outcome == Outcome.Failed) is { } failed)
                return await ExplainAsync($"service {failed.Name} does not come up", [failed], cancellation);
            if (Waited >= timeout)
                return await ExplainAsync($"stack {stack} is not up after {Words(timeout)}", [.. services.Where(s => s.Outcome != Outcome.Up)], cancellation);
        }
    }

    // What crashes at once was up for a moment: being up has to last.
    private bool IsUp(IReadOnlyList<ServiceProgress> services)
    {
        if (services.Any(s => s.Outcome != Outcome.Up))
            _upSince = null;
        else
            _upSince ??= Environment.TickCount64;
        return _upSince is { } since && (services.Count == 0 || Environment.TickCount64 - since >= settle.TotalMilliseconds);
    }

    private async Task<int> ExplainAsync(string sentence, IReadOnlyList<ServiceProgress> services, CancellationToken cancellation)
    {
        session.Error.WriteLine($"orc: {sentence}{(services.Count == 0 ? ": no server shows it" : "")}");
        foreach (var service in services)
        {
            session.Error.WriteLine($"orc: {service.Name}: {service.Describe(withDetail: true)}");
            if (service.Culprit is { } culprit && culprit.IsPlaced())
                await LastLines.ShowAsync(session, session.Error, culprit, cancellation);
        }
        return ExitCode.Failed;
    }

    private static string Words(TimeSpan time) => Amount.Seconds((long)time.TotalMilliseconds);
}
