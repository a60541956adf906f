using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;
using Orchestrator.Runtime.Keeping;

namespace Orchestrator.Runtime.Containers;

/// <summary>Starts a container's process: record, group, clone, and what the child reports. A failure leaves nothing behind.</summary>
public sealed class ContainerLaunch(Container container, string bundle, RuntimeConfig config, string program)
{
    /// <summary>A killed child that is still there after so long hangs in the kernel.</summary>
    private const int EndTimeoutMs = 60_000;

    private KeptRecord? _kept;

    public ContainerRecord? Record { get; private set; }

    public LaunchOptions Options { get; init; } = new();

    /// <summary>The terminal's master, when config.json asks for a terminal.</summary>
    public SafeFileHandle? Terminal { get; private set; }

    public static string CgroupPath(RuntimeConfig config, string id) =>
        config.Linux.CgroupsPath is { Length: > 0 } path ? "/" + path.Trim('/') : "/orchestrator/" + id;

    /// <summary>The session keyring of a container, which its commands share. The name is runc's.</summary>
    public static string KeyringOf(string id) => "_ses." + id;

    public static LaunchFacts Facts(RuntimeConfig config, string bundle, string id, LaunchDescriptors descriptors) => new()
    {
        Bundle = bundle,
        HomeOf = uid => ImageUsers.HomeOf(config, bundle, uid),
        Grantable = Capabilities.Permitted(),
        HasAppArmor = SecurityModules.HasAppArmor,
        HasSelinux = SecurityModules.HasSelinux,
        Cgroups = Container.Cgroups,
        CgroupPath = CgroupPath(config, id),
        KindOf = path => FollowingKind(path),
        LastCapability = int.Parse(FileSystem.ReadText("/proc/sys/kernel/cap_last_cap"), CultureInfo.InvariantCulture),
        OomScoreAdj = config.Process?.OomScoreAdj is null ? 0 : int.Parse(File.ReadAllText("/proc/self/oom_score_adj"), CultureInfo.InvariantCulture),
        Descriptors = descriptors,
    };

    /// <param name="errorPipe">Its writer is handed to the child and closed here.</param>
    public ChildProcess Start(Pipe errorPipe, LaunchDescriptors descriptors)
    {
        container.Claim();
        try
        {
            return StartClaimed(errorPipe, descriptors, waitsForStart: false);
        }
        catch
        {
            container.Release();
            throw;
        }
    }

    /// <summary>Starts it as a child of this process' parent, the keeper, with streams for that one.</summary>
    internal ChildProcess StartKept(KeptRecord kept, bool hasInput, out LaunchStreams streams)
    {
        container.Claim();
        _kept = kept;
        LaunchStreams? made = null;
        try
        {
            using var errorPipe = LaunchPipes.Create();
            using var goPipe = LaunchPipes.Create();
            streams = made = LaunchStreams.Create(container, config.Process?.Terminal == true, hasInput);
            var (input, output, errors) = made.Theirs;
            return StartClaimed(errorPipe, new LaunchDescriptors(errorPipe.Writer.Number(), goPipe.Reader.Number(), goPipe.Writer.Number(), input, output, errors), waitsForStart: false);
        }
        catch
        {
            made?.Dispose();
            container.Release();
            throw;
        }
    }

    private ChildProcess StartClaimed(Pipe errorPipe, LaunchDescriptors descriptors, bool waitsForStart)
    {
        var facts = Facts(config, bundle, container.Id, descriptors) with
        {
            WaitsForStart = waitsForStart,
            Program = program,
            Keyring = Options.NewKeyring ? KeyringOf(container.Id) : null,
            NoPivot = Options.NoPivot,
        };
        using var trees = MappedTrees.Open(config, facts);
        facts = facts with { MappedTrees = trees.Numbers };
        var plan = ContainerPlan.Compile(config, facts);
        foreach (var warning in plan.Warnings)
            FileDescriptors.Write(2, $"orc-runtime: warning: {warning}\n");
        Record = new ContainerRecord
        {
            Id = container.Id,
            Bundle = bundle,
            CgroupPath = facts.CgroupPath,
            CreatedAtUnixMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            Kept = _kept,
        };
        container.Save(Record);
        container.KeepConfig(bundle);
        var cgroup = new Cgroup(facts.Cgroups, facts.CgroupPath);
        try
        {
            cgroup.Create();
            LimitWriter.Write(cgroup, plan.Limits);
            return Clone(plan, cgroup, facts, errorPipe);
        }
        catch
        {
            cgroup.KillAll();
            cgroup.Remove();
            KeeperGroup.RemoveShared(facts.Cgroups, cgroup.Path);
            throw;
        }
    }

    /// <summary>Starts the process up to its program, and lets it wait for a byte in the container's go pipe.</summary>
    public ChildProcess StartWaiting()
    {
        container.Claim();
        try
        {
            FileSystem.MakeNode(container.GoPipePath, FileKind.Fifo, 0x180);
            FileSystem.MakeNode(container.ErrorPipePath, FileKind.Fifo, 0x180);
            // A FIFO that is open for reading lets the writer in, and one that is open for both never ends.
            var reader = LaunchPipes.MoveUp(FileSystem.Open(container.ErrorPipePath, OpenFlags.ReadOnly | OpenFlags.NonBlocking), Options.Preserved);
            using var errorPipe = new Pipe(reader, LaunchPipes.MoveUp(FileSystem.Open(container.ErrorPipePath, OpenFlags.WriteOnly), Options.Preserved));
            using var go = LaunchPipes.MoveUp(FileSystem.Open(container.GoPipePath, OpenFlags.ReadWrite), Options.Preserved);
            return StartClaimed(errorPipe, Options.Streams(errorPipe.Writer.Number(), go.Number(), go.Number()), waitsForStart: true);
        }
        catch
        {
            container.Release();
            throw;
        }
    }

    private ChildProcess Clone(ContainerPlan plan, Cgroup cgroup, LaunchFacts facts, Pipe errorPipe)
    {
        using var unified = facts.Cgroups.Unified is { } u ? FileSystem.Open(u.Directory(cgroup.Path), OpenFlags.Path | OpenFlags.Directory) : null;
        var child = Launcher.Launch(plan.Tape, facts.Descriptors.ErrorPipeNumber, new CloneOptions(plan.Namespaces, unified?.Number() ?? -1, Sibling: _kept is not null));
        errorPipe.Writer.Dispose();
        var talk = new LaunchTalk(container, bundle, config, plan, facts, child) { Known = Remember, Await = Await };
        try
        {
            talk.Run(errorPipe.Reader.Number());
            Terminal = talk.Terminal;
            if (!facts.WaitsForStart)
                new HookRunner(container.Id, bundle, config, facts).Run(config.Hooks?.Poststart ?? [], "hooks.poststart", "running", talk.Child.Pid);
            return talk.Child;
        }
        catch
        {
            Processes.Signal(talk.Child.PidFd, Signals.Kill);
            Await(talk.Child);
            talk.Dispose();
            if (talk.HooksRan)
                new HookRunner(container.Id, bundle, config, facts).RunPoststop();
            throw;
        }
    }

    private void Remember(ChildProcess child)
    {
        Record = Record! with { Pid = child.Pid, StartTime = Processes.StartTime(child.Pid) ?? 0 };
        container.Save(Record);
    }

    /// <summary>The keeper was killed meanwhile: nobody would hold the container.</summary>
    internal void Undo(ChildProcess child)
    {
        Processes.Signal(child.PidFd, Signals.Kill);
        Await(child);
        var group = Container.CgroupOf(Record!);
        group.KillAll();
        group.Remove();
        container.Release();
    }

    private void Await(ChildProcess child)
    {
        if (_kept is null)
            Processes.Reap(child.PidFd);
        else
            Processes.WaitForExit(child.PidFd, EndTimeoutMs);
    }

    private static FileKind? FollowingKind(string path) =>
        Directory.Exists(path) ? FileKind.Directory : File.Exists(path) ? FileKind.Regular : FileSystem.Status(path)?.Kind;
}
