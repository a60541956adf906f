using System.Collections.Concurrent;
using Orchestrator.Engine.Volumes;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>One machine's containers. What they are is on disk, and their supervisors hold them: an engine can end and another take over.</summary>
public sealed class ContainerEngine : IDisposable
{
    private readonly EngineOptions _options;
    private readonly RuntimeCommand _runtime;
    private readonly ProcessWatch _watch = new();
    private readonly ConcurrentDictionary<string, Container> _containers = new(StringComparer.Ordinal);

    private ContainerEngine(EngineOptions options)
    {
        _options = options;
        _runtime = new RuntimeCommand(options);
        Volumes = new VolumeStore(options.Volumes);
    }

    public VolumeStore Volumes { get; }

    public ICollection<Container> Containers => _containers.Values;

    public Container? Find(string id) => _containers.GetValueOrDefault(id);

    /// <summary>Finds again what earlier engines left in the directories, also what ended since.</summary>
    public static async Task<ContainerEngine> OpenAsync(EngineOptions options)
    {
        // Secrets in environments, and programs of images that run as root: nothing for the machine's other users.
        Directory.CreateDirectory(options.Containers, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(options.Volumes, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(options.RuntimeRoot);
        var engine = new ContainerEngine(options);
        await Parallel.ForEachAsync(Directory.EnumerateDirectories(options.Containers), (directory, _) => engine.RecoverAsync(directory));
        return engine;
    }

    /// <summary>Writes the bundle: nothing runs yet.</summary>
    /// <exception cref="ContainerException">The options ask for what is not there; the message names it.</exception>
    public Container Create(ContainerOptions options)
    {
        var directory = Path.Combine(_options.Containers, options.Id);
        if (Directory.Exists(directory))
            throw new ContainerException($"container {options.Id} exists");
        Directory.CreateDirectory(directory);
        try
        {
            var record = new Bundle(_options, Volumes, directory).Write(options);
            record.Save(Container.RecordPath(directory));
            return _containers[options.Id] = new Container(directory, record);
        }
        catch
        {
            FileTree.Delete(directory);
            throw;
        }
    }

    /// <returns>Once its process runs.</returns>
    /// <exception cref="ContainerException">It cannot be started; the message is the runtime's. It has ended then.</exception>
    public async Task StartAsync(Container container)
    {
        await container.Gate.WaitAsync();
        try
        {
            if (container.State != ContainerState.Created)
                throw new ContainerException($"container {container.Id} cannot be started: it is {container.State}");
            container.Become(container.Record with { State = ContainerState.Starting });
            var started = await _runtime.SuperviseAsync(container.Id, container.Directory, container.LogPath);
            BecomeRunning(container, Supervisors.Mark(started.Supervisor), Supervisors.Mark(started.Pid));
        }
        catch (ContainerException e) when (container.State == ContainerState.Starting)
        {
            container.End(new ContainerExit(127, 0, false, Now, e.Message + await FailureToDeleteAsync(container)));
            throw;
        }
        finally
        {
            container.Gate.Release();
        }
    }

    /// <summary>Frees what an ended container no longer needs: cgroup, runtime state, writable layer. Its record and log stay.</summary>
    public async Task ReleaseAsync(Container container)
    {
        await container.Ended;
        if (container.IsReleased)
            return;
        await _runtime.DeleteAsync(container.Id);
        await Task.Run(() => Bundle.DeleteWritableLayer(container.Directory));
    }

    /// <summary>Kills it if it runs, and removes all there is of it: log and own volumes too.</summary>
    public async Task RemoveAsync(Container container)
    {
        await container.StopAsync(TimeSpan.Zero);
        await _runtime.DeleteAsync(container.Id);
        await Task.Run(() => Forget(container));
    }

    /// <exception cref="ContainerException">It does not run, or the user is unknown in it.</exception>
    public ExecSession Exec(Container container, ExecOptions options)
    {
        if (container.State != ContainerState.Running || container.Record.Process is not { } process)
            throw new ContainerException($"container {container.Id} does not run: it is {container.State}");
        return ExecSession.Start(_runtime, container.Id, process, options, _options.RunDirectory);
    }

    /// <summary>Containers go on; nobody watches them.</summary>
    public void Dispose() => _watch.Dispose();

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private void Forget(Container container)
    {
        foreach (var volume in container.Record.OwnVolumes)
            Volumes.Remove(volume);
        FileTree.Delete(container.Directory);
        _containers.TryRemove(container.Id, out _);
    }

    private void BecomeRunning(Container container, ProcessMark supervisor, ProcessMark process)
    {
        container.Become(container.Record with
        {
            State = ContainerState.Running, StartedAtUnixMs = Now, Process = process, Supervisor = supervisor,
        });
        _ = WatchAsync(container, supervisor);
    }

    private async Task WatchAsync(Container container, ProcessMark supervisor)
    {
        if (Processes.Find(supervisor.Pid, supervisor.StartTime) is { } pidFd)
            await _watch.WhenEnded(pidFd);
        await FindEndAsync(container);
    }

    /// <summary>The supervisor is gone: what it left says how the container ended. One that left nothing was killed, and its container must not go on unheld.</summary>
    private async Task FindEndAsync(Container container)
    {
        if (_runtime.ReadExit(container.Id) is { } exit)
        {
            container.End(exit);
            return;
        }
        var error = "its supervisor ended without a word" + await FailureToDeleteAsync(container);
        container.Signal(Signals.Kill);
        container.End(new ContainerExit(137, Signals.Kill, false, Now, error));
    }

    /// <returns>What to add to the error that made it necessary; empty when it worked.</returns>
    private async Task<string> FailureToDeleteAsync(Container container)
    {
        try
        {
            await _runtime.DeleteAsync(container.Id);
            return "";
        }
        catch (ContainerException e)
        {
            return "; " + e.Message;
        }
    }

    private async ValueTask RecoverAsync(string directory)
    {
        var id = Path.GetFileName(directory);
        if (ContainerRecord.Load(Container.RecordPath(directory)) is not { } record)
        {
            // An engine was killed while it made the bundle; nothing ran of it.
            foreach (var volume in Volumes.Names.Where(n => n.StartsWith(id + ".", StringComparison.Ordinal)))
                Volumes.Remove(volume);
            FileTree.Delete(directory);
            return;
        }
        var container = _containers[id] = new Container(directory, record);
        if (record is { State: ContainerState.Running, Supervisor: { } supervisor })
            _ = WatchAsync(container, supervisor);
        else if (record.State == ContainerState.Starting)
            await RecoverStartAsync(container);
    }

    /// <summary>An engine was killed between asking the runtime and noting the answer.</summary>
    private async Task RecoverStartAsync(Container container)
    {
        if (await Supervisors.FindAsync(_runtime.StateDirectory(container.Id), container.Directory) is var (supervisor, process))
            BecomeRunning(container, supervisor, process);
        else
            await FindEndAsync(container);
    }
}
