using System.Diagnostics;

namespace Orchestrator.Engine.Containers;

/// <summary>Runs the program `orc-runtime`.</summary>
internal sealed class RuntimeCommand(EngineOptions options)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Returns when a keeper runs.</summary>
    /// <exception cref="ContainerException">It could not be started; the message is the runtime's.</exception>
    public void StartKeeper()
    {
        using var process = Start("keeper", "--cgroup-parent", options.CgroupParent);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEnd();
        if (!process.WaitForExit(s_patience))
            process.Kill();
        else if (process.ExitCode == 0)
            return;
        throw new ContainerException($"the keeper cannot be started: {error.Trim()}");
    }

    /// <exception cref="ContainerException">It was refused; the message is the runtime's.</exception>
    public async Task RunAsync(IEnumerable<string> arguments, byte[] input)
    {
        using var process = Start(arguments);
        await process.StandardInput.BaseStream.WriteAsync(input);
        process.StandardInput.Close();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new ContainerException(error.Trim());
    }

    public Process Start(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(options.RuntimePath)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
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
}
