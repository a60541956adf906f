using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Orchestrator.Engine.Containers;

/// <summary>Runs the program `orc-runtime`.</summary>
internal sealed class RuntimeCommand(EngineOptions options)
{
    // A container starts in milliseconds; a runtime that hangs must not hold its caller for ever.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <returns>Once the container's process runs.</returns>
    /// <exception cref="ContainerException">It could not be started; the message is the runtime's.</exception>
    public async Task<SuperviseResult> SuperviseAsync(string id, string bundle, string log)
    {
        using var process = Start("supervise", "--bundle", bundle, "--log", log, "--log-max-bytes",
            options.LogBytesMax.ToString(CultureInfo.InvariantCulture), "--log-files", options.LogFilesMax.ToString(CultureInfo.InvariantCulture), id);
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            var line = await process.StandardOutput.ReadLineAsync(patience.Token);
            var result = Parse(line) ?? throw new ContainerException(await FailureAsync(process, line, patience.Token));
            return result.Error is { Length: > 0 } error ? throw new ContainerException(error) : result;
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new ContainerException($"container {id}: the runtime did not start it within {s_patience.TotalSeconds} s");
        }
    }

    /// <summary>Kills what still runs of the container and removes the runtime's state and cgroup; nothing there is no error.</summary>
    public async Task DeleteAsync(string id)
    {
        using var process = Start("delete", "--force", id);
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            var error = await process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            if (process.ExitCode != 0 && Directory.Exists(StateDirectory(id)))
                throw new ContainerException($"container {id} cannot be deleted: {error.Trim()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new ContainerException($"container {id} cannot be deleted: the runtime did not answer within {s_patience.TotalSeconds} s");
        }
    }

    public Process Start(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(options.RuntimePath)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // The supervisor must not hold the agent's working directory.
            WorkingDirectory = "/",
        };
        start.ArgumentList.Add("--root");
        start.ArgumentList.Add(options.RuntimeRoot);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ContainerException($"the runtime \"{options.RuntimePath}\" cannot be started: {e.Message}", e);
        }
    }

    public string StateDirectory(string id) => Path.Combine(options.RuntimeRoot, id);

    /// <summary>What the supervisor left at the end; null when there is nothing.</summary>
    public ContainerExit? ReadExit(string id)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(StateDirectory(id), "exit.json")), ContainerJson.Default.ContainerExit);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    private static SuperviseResult? Parse(string? line)
    {
        try
        {
            return line is null ? null : JsonSerializer.Deserialize(line, ContainerJson.Default.SuperviseResult);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<string> FailureAsync(Process process, string? line, CancellationToken cancellationToken)
    {
        var error = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return $"the runtime ended with {process.ExitCode} and said: {string.Join(' ', line, error.Trim()).Trim()}";
    }
}
