using System.Diagnostics;
using System.Globalization;
using System.Text;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>A command to run beside a container's own process.</summary>
public sealed record ExecOptions(IReadOnlyList<string> Command)
{
    /// <summary>With a terminal, which stdin and stdout are; stderr stays empty.</summary>
    public bool Tty { get; init; }

    /// <summary>"uid", "uid:gid", "name", "name:group"; empty: the container's user.</summary>
    public string User { get; init; } = "";
    public string WorkingDirectory { get; init; } = "";
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>A command running in a container.</summary>
public sealed class ExecSession : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string? _fifo;
    private readonly FileStream? _sizes;

    private ExecSession(Process process, string? fifo, FileStream? sizes)
    {
        _process = process;
        _fifo = fifo;
        _sizes = sizes;
    }

    public Stream Input => _process.StandardInput.BaseStream;
    public Stream Output => _process.StandardOutput.BaseStream;
    public Stream Error => _process.StandardError.BaseStream;

    internal static ExecSession Start(RuntimeCommand runtime, string id, ProcessMark container, ExecOptions options, string runDirectory)
    {
        var fifo = options.Tty ? Path.Combine(runDirectory, $"exec-{Guid.NewGuid():N}") : null;
        // Before the pipe is made: an unknown user must leave nothing behind.
        var arguments = Arguments(id, container, options, fifo).ToList();
        FileStream? sizes = null;
        if (fifo is not null)
        {
            FileSystem.MakeNode(fifo, FileKind.Fifo, 0x180);
            // Both directions: opening for writing alone would wait for the reader.
            sizes = new FileStream(FileSystem.Open(fifo, OpenFlags.ReadWrite), FileAccess.Write, 0);
        }
        return new ExecSession(runtime.Start(arguments), fifo, sizes);
    }

    /// <summary>Tells the command's terminal its size; without a terminal nothing happens.</summary>
    public void Resize(uint columns, uint rows)
    {
        _sizes?.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{columns} {rows}\n")));
        _sizes?.Flush();
    }

    public void Signal(int signal)
    {
        if (_process.HasExited)
            return;
        using var pidFd = Processes.OpenPidFd(_process.Id);
        Processes.Signal(pidFd, signal);
    }

    /// <summary>The command's exit code; 126 or 127 when it could not run.</summary>
    public async Task<int> WaitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Ends the command if it still runs.</summary>
    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _sizes?.Dispose();
        if (_fifo is not null)
            File.Delete(_fifo);
        return ValueTask.CompletedTask;
    }

    private static IEnumerable<string> Arguments(string id, ProcessMark container, ExecOptions options, string? fifo)
    {
        yield return "exec";
        if (options.Tty)
            yield return "--tty";
        if (fifo is not null)
        {
            yield return "--resize-pipe";
            yield return fifo;
        }
        if (options.User.Length > 0)
        {
            yield return "--user";
            yield return ResolveUser(container, options.User);
        }
        if (options.WorkingDirectory.Length > 0)
        {
            yield return "--cwd";
            yield return options.WorkingDirectory;
        }
        foreach (var (name, value) in options.Environment)
        {
            yield return "--env";
            yield return $"{name}={value}";
        }
        yield return id;
        foreach (var argument in options.Command)
            yield return argument;
    }

    private static string ResolveUser(ProcessMark container, string user)
    {
        try
        {
            using var root = FileSystem.Open($"/proc/{container.Pid}/root", OpenFlags.Path | OpenFlags.Directory);
            var found = ImageUser.Resolve(user, ReadIn(root, "etc/passwd"), ReadIn(root, "etc/group"));
            return string.Create(CultureInfo.InvariantCulture, $"{found.Uid}:{found.Gid}");
        }
        catch (LinuxException e)
        {
            throw new ContainerException($"user \"{user}\" cannot be looked up: {e.Message}", e);
        }
    }

    // The container may have made the file: no link of its leads out of its root.
    private static string? ReadIn(Microsoft.Win32.SafeHandles.SafeFileHandle root, string path)
    {
        try
        {
            using var file = new StreamReader(new FileStream(FileSystem.OpenInRoot(root, path, OpenFlags.ReadOnly | OpenFlags.NonBlocking), FileAccess.Read));
            return file.ReadToEnd();
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }
}
