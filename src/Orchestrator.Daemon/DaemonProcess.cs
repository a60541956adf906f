using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Orchestrator.Daemon;

/// <summary>What every command of the daemon does as a process: log, obey signals, report to systemd, end with a code.</summary>
internal static class DaemonProcess
{
    /// <summary>Runs until SIGTERM or SIGINT cancels the token. A failure that <paramref name="isRefusal"/> knows is told in one sentence.</summary>
    public static async Task<int> RunAsync(LogLevel level, Func<ILoggerFactory, CancellationToken, Task> run, Func<Exception, bool> isRefusal)
    {
        using var loggers = Loggers(level);
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await run(loggers, stop.Token);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        catch (Exception e) when (isRefusal(e))
        {
            await Console.Error.WriteLineAsync($"orcd: {e.Message}");
            return ExitCode.Failed;
        }
    }

    private static ILoggerFactory Loggers(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        // Its failures are told in one sentence at the end.
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
        .AddFilter("Grpc", LogLevel.Warning)
        .AddFilter("Yarp", LogLevel.Error)
        .AddFilter("DotNext", LogLevel.Error)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        }));
}
