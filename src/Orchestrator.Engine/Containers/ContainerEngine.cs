using System.Collections.Concurrent;
using Orchestrator.Engine.Stats;
using Orchestrator.Engine.Volumes;
using Orchestrator.Keeping;
using Orchestrator.Linux;

namespace Orchestrator.Engine.Containers;

/// <summary>One machine's containers. What they are is on disk, and the keeper holds them: an engine can end and another take over.</summary>
public sealed class ContainerEngine : IDisposable
{
    private readonly EngineOptions _options;
    private readonly RuntimeCommand _runtime;
    private readonly RuntimeState _state;
    private readonly KeeperClient _keeper;
    private readonly ConcurrentDictionary<string, Container> _containers = new(StringComparer.Ordinal);

    private ContainerEngine(EngineOptions options)
    {
        _options = options;
        _runtime = new RuntimeCommand(options);
        _state = new RuntimeState(options);
        _keeper = new KeeperClient(options, _runtime, Reconcile, Note);
        Volumes = new VolumeStore(options.Volumes);
    }

    public VolumeStore Volumes { get; }

    public ICollection<Container> Containers => _containers.Values;

    internal int KeeperPid => _keeper.KeeperPid;

    public Container? Find(string id) => _containers.GetValueOrDefault(id);

    /// <summary>Finds again what earlier engines left in the directories, also what ended since.</summary>
    public static async Task<ContainerEngine> OpenAsync(EngineOptions options)
    {
        // Secrets in environments, and programs of images that run as root: nothing for the machine's other users.
        Directory.CreateDirectory(options.Containers, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(options.Volumes, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(options.RuntimeRoot);
        var engine = new ContainerEngine(options);
        foreach (var directory in Directory.EnumerateDirectories(options.Containers))
            engine.Recover(directory);
        await engine._keeper.OpenAsync();
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

    /// <summary>
    /// Makes the bundle anew for another run of a container that is not running: its files, volumes and log stay. The container given is
    /// the finished run; the one returned can be started.
    /// </summary>
    /// <exception cref="ContainerException">It runs, or the options ask for what is not there.</exception>
    public async Task<Container> RenewAsync(Container container, ContainerOptions options)
    {
        if (container.State is not (ContainerState.Created or ContainerState.Ended))
            throw new ContainerException($"container {container.Id} cannot be started: it is {container.State}");
        if (container.State == ContainerState.Ended)
            await _state.DeleteAsync(container.Id);
        var record = new Bundle(_options, Volumes, container.Directory).Write(options) with { CreatedAtUnixMs = container.Record.CreatedAtUnixMs };
        record.Save(Container.RecordPath(container.Directory));
        return _containers[container.Id] = new Container(container.Directory, record);
    }

    /// <summary>Frees what an ended container's process held: cgroup and runtime state. Its files stay for another run.</summary>
    public async Task ReleaseProcessAsync(Container container)
    {
        await container.Ended;
        await _state.DeleteAsync(container.Id);
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
            BecomeRunning(container, await _keeper.StartAsync(new StartRequest(
                container.Id, container.Directory, container.LogPath, LogBytesMax(container), LogFilesMax(container), (InputMode)container.Record.Input)));
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
        await _state.DeleteAsync(container.Id);
        await Task.Run(() => Bundle.DeleteWritableLayer(container.Directory));
    }

    /// <summary>Kills it if it runs, and removes all there is of it, its log too.</summary>
    /// <param name="ownVolumes">Also the volumes that were made for it alone.</param>
    public async Task RemoveAsync(Container container, bool ownVolumes = true)
    {
        await container.StopAsync(TimeSpan.Zero);
        await _state.DeleteAsync(container.Id);
        await Task.Run(() => Forget(container, ownVolumes));
    }

    /// <exception cref="ContainerException">It does not run, or the user is unknown in it.</exception>
    public ExecSession Exec(Container container, ExecOptions options)
    {
        if (container.State != ContainerState.Running || container.Record.Process is not { } process)
            throw new ContainerException($"container {container.Id} does not run: it is {container.State}");
        return ExecSession.Start(_runtime, container.Id, process, options, _options.RunDirectory);
    }

    /// <summary>Changes what of a running container's limits is different from before.</summary>
    /// <exception cref="ContainerException">The kernel refuses a value, as less memory than is used.</exception>
    public Task UpdateAsync(Container container, ContainerLimits before, ContainerLimits limits) =>
        _runtime.RunAsync(["update", "--resources", "-", container.Id], BundleConfig.ChangeOf(before, limits).ToJson());

    /// <summary>Joins the container's streams. Before it is started, nothing of what it says is missed.</summary>
    /// <exception cref="ContainerException">It has ended.</exception>
    public Task<AttachSession> AttachAsync(Container container, bool input, CancellationToken cancellationToken = default) =>
        container.State == ContainerState.Ended
            ? throw new ContainerException($"container {container.Id} has ended")
            : AttachSession.OpenAsync(_keeper.SocketPath, new AttachRequest(container.Id, input, AwaitStart: container.State != ContainerState.Running), cancellationToken);

    /// <summary>The size of the container's terminal; without one nothing happens.</summary>
    public void Resize(Container container, int columns, int rows) => _keeper.Resize(container.Id, columns, rows);

    public ContainerCgroup CgroupOf(Container container) => new($"/{_options.CgroupParent}/{container.Id}");

    /// <summary>Containers go on; nobody watches them.</summary>
    public void Dispose() => _keeper.Dispose();

    private long LogBytesMax(Container container) => container.Record.LogBytesMax > 0 ? container.Record.LogBytesMax : _options.LogBytesMax;

    private int LogFilesMax(Container container) => container.Record.LogFilesMax > 0 ? container.Record.LogFilesMax : _options.LogFilesMax;

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private void Forget(Container container, bool ownVolumes)
    {
        foreach (var volume in ownVolumes ? container.Record.OwnVolumes : [])
            Volumes.Remove(volume);
        FileTree.Delete(container.Directory);
        _containers.TryRemove(container.Id, out _);
    }

    private static void BecomeRunning(Container container, RunningProcess process) => container.Become(container.Record with
    {
        State = ContainerState.Running,
        StartedAtUnixMs = Now,
        Process = new ProcessMark(process.Pid, process.StartTime),
    });

    private void Note(Ended ended)
    {
        if (Find(ended.Id) is { } container)
            _ = EndAsync(container, new ContainerExit(
                ended.ExitCode, ended.Signal, ended.OomKilled, ended.FinishedAtUnixMs, ended.ExitCode < 0 ? RuntimeState.Unseen : null));
    }

    private static async Task EndAsync(Container container, ContainerExit exit)
    {
        // The news of the start may still be on its way through this engine.
        await container.Gate.WaitAsync();
        if (container.State != ContainerState.Ended)
            container.End(exit);
        container.Gate.Release();
    }

    /// <summary>Compares the records with what the keeper holds.</summary>
    private void Reconcile(IReadOnlyDictionary<string, RunningProcess> kept)
    {
        foreach (var container in _containers.Values)
        {
            if (container.State == ContainerState.Starting && container.Gate.CurrentCount > 0)
                _ = RecoverStartAsync(container, kept.TryGetValue(container.Id, out var held) ? held : null);
            else if (container.State == ContainerState.Running && !kept.ContainsKey(container.Id))
                _ = FindEndAsync(container);
        }
    }

    /// <summary>The keeper does not hold it: what is on record says how it ended. Where nothing is, it must not go on unheld.</summary>
    private async Task FindEndAsync(Container container)
    {
        if (_state.ReadExit(container.Id) is { } exit)
        {
            await EndAsync(container, exit);
            return;
        }
        container.Signal(Signals.Kill);
        await EndAsync(container, new ContainerExit(137, Signals.Kill, false, Now, "no keeper holds it" + await FailureToDeleteAsync(container)));
    }

    /// <returns>What to add to the error that made it necessary; empty when it worked.</returns>
    private async Task<string> FailureToDeleteAsync(Container container)
    {
        try
        {
            await _state.DeleteAsync(container.Id);
            return "";
        }
        catch (ContainerException e)
        {
            return "; " + e.Message;
        }
    }

    private void Recover(string directory)
    {
        var id = Path.GetFileName(directory);
        if (ContainerRecord.Load(Container.RecordPath(directory)) is { } record)
        {
            _containers[id] = new Container(directory, record);
            return;
        }
        // An engine was killed while it made the bundle; nothing ran of it.
        foreach (var volume in Volumes.Names.Where(n => n.StartsWith(id + ".", StringComparison.Ordinal)))
            Volumes.Remove(volume);
        FileTree.Delete(directory);
    }

    /// <summary>An engine was killed between asking the keeper and noting the answer.</summary>
    private async Task RecoverStartAsync(Container container, RunningProcess? held)
    {
        await container.Gate.WaitAsync();
        try
        {
            if (held is { Pid: 0 })
                held = await _keeper.ExpectAsync(container.Id);
            if (held is { } running)
                BecomeRunning(container, running);
            else if (_state.ReadExit(container.Id) is { } exit)
                container.End(exit);
            else
                await ForgetStartAsync(container);
        }
        catch (ContainerException e)
        {
            container.End(new ContainerExit(127, 0, false, Now, e.Message));
        }
        finally
        {
            container.Gate.Release();
        }
    }

    /// <summary>The keeper was never asked, or died over it: the container is as before its start, and can be started.</summary>
    private async Task ForgetStartAsync(Container container)
    {
        await _state.DeleteAsync(container.Id);
        container.Become(container.Record with { State = ContainerState.Created });
    }
}
