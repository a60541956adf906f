using System.Diagnostics;
using System.Globalization;
using Grpc.Net.Client;

namespace Orchestrator.StoreHost.Driving;

/// <summary>One server as a real process, with its own data, that can be killed, paused and started again.</summary>
public sealed class HostProcess(string directory, int raftPort, int apiPort, HostGroup group) : IAsyncDisposable
{
    private Process? _process;
    private GrpcChannel? _channel;

    public string RaftAddress => $"127.0.0.1:{raftPort}";

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process!.Id;

    public TimeSpan CpuTime
    {
        get
        {
            _process!.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public StoreEndpoint.StoreEndpointClient Client => new(_channel ??= group.Connect(apiPort));

    /// <param name="environment">On top of the group's, for this start only.</param>
    public async Task StartAsync(bool bootstrap = false, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(group.Program)
        {
            RedirectStandardOutput = true,
            ArgumentList = { directory, RaftAddress, $"127.0.0.1:{apiPort}", group.CertificateFile },
        };
        if (bootstrap)
            start.ArgumentList.Add("bootstrap");
        foreach (var (name, value) in group.Environment.Concat(environment ?? new Dictionary<string, string>()))
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        var line = await _process.StandardOutput.ReadLineAsync();
        if (line != "ready")
            throw new InvalidOperationException($"the host of {RaftAddress} did not start: {line}");
    }

    public async Task KillAsync()
    {
        // Not disposed: a writer on another thread may be asking just now whether it runs.
        var process = _process!;
        _process = null;
        process.Kill();
        await process.WaitForExitAsync();
    }

    public Task PauseAsync() => SignalAsync("STOP");

    public Task ResumeAsync() => SignalAsync("CONT");

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (IsRunning)
            await KillAsync();
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", ProcessId.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
