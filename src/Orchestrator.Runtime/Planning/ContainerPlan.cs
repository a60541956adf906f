using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>What starting a container means: the limits of its group, the namespaces to clone into, and the tape that the child runs.</summary>
public sealed record ContainerPlan(IReadOnlyList<CgroupSetting> Limits, NamespaceKinds Namespaces, Tape Tape)
{
    /// <summary>The container's process is the second that is cloned; the first one only leads there.</summary>
    public bool ClonesAgain { get; init; }

    /// <summary>What the parent writes when the child asks for it; null without a new user namespace.</summary>
    public UserMaps? Maps { get; init; }

    /// <summary>What the specification wants to be said, but not to fail.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Compiles config.json. Touches nothing: the same configuration and facts make the same plan.</summary>
    /// <exception cref="RuntimeConfigException">A field cannot be honoured.</exception>
    public static ContainerPlan Compile(RuntimeConfig config, LaunchFacts facts)
    {
        ConfigChecks.Check(config);
        var process = ProcessSteps.WithHome(config.Process!, facts);
        var namespaces = NamespaceTable.Read(config.Linux);
        var maps = UserMaps.Read(config.Linux, namespaces);
        var tape = new Tape();
        var credentials = new CredentialSteps(tape, process, facts, namespaces);
        var entry = new NamespaceSteps(tape, config, namespaces, facts);
        ProcessSteps.Begin(tape, facts);
        CgroupSteps.Join(tape, facts);
        credentials.OomScore();
        entry.Enter();
        SysctlSteps.Add(tape, config, namespaces);
        credentials.Labels.Open();
        if (namespaces.IsNew(NamespaceKinds.Mount))
            Isolated(tape, config, process, facts, namespaces, credentials);
        else
            Confined(tape, config, process, facts, namespaces, credentials);
        return new ContainerPlan(CgroupSetting.From(config.Linux.Resources, facts.Cgroups), entry.ByLauncher, tape)
        {
            ClonesAgain = entry.NeedsIntermediate,
            Maps = maps,
            Warnings = credentials.Warnings,
        };
    }

    public override string ToString() => string.Concat(Warnings.Select(w => $"      warning: {w}\n")) + string.Concat(Limits.Select(l => l + "\n"))
        + $"      clone3({{{Namespaces}}})  # linux.namespaces\n" + Maps + Tape;

    // With a mount namespace of its own: a root is built, and pivoted into.
    private static void Isolated(
        Tape tape, RuntimeConfig config, ProcessConfig process, LaunchFacts facts, NamespaceTable namespaces, CredentialSteps credentials)
    {
        var steps = new ProcessSteps(tape, process, facts, InitSteps.IsAskedFor(config));
        var root = BuildRoot(tape, config, facts, namespaces);
        if (HookTable.AnyOfCreate(config))
            new ReportSteps(tape, facts).Ask(ChildReports.CreateHooks, "hooks");
        steps.StandardStreams();
        if (process.Terminal)
            steps.Terminal(root);
        var workingDirectory = root.OpenOrMake("process.cwd", process.Cwd, isDirectory: true);
        if (config.Root!.Readonly)
            RootSteps.MakeReadOnly(tape, root);
        if (facts.NoPivot)
            RootSteps.MoveOver(tape, root);
        else
            RootSteps.Pivot(tape, root);
        RootSteps.SharePivoted(tape, config, root);
        Finish(tape, config, steps, credentials, workingDirectory, facts, namespaces);
    }

    // In the mounts of others: a directory of them becomes the root, and nothing is mounted.
    private static void Confined(
        Tape tape, RuntimeConfig config, ProcessConfig process, LaunchFacts facts, NamespaceTable namespaces, CredentialSteps credentials)
    {
        ConfigChecks.CheckConfined(config);
        var steps = new ProcessSteps(tape, process, facts);
        var root = RootSteps.Open(tape, RootSteps.RootPath(config, facts));
        NamespaceSteps.BecomeRoot(tape, namespaces);
        if (HookTable.AnyOfCreate(config))
            new ReportSteps(tape, facts).Ask(ChildReports.CreateHooks, "hooks");
        steps.StandardStreams();
        var workingDirectory = root.OpenOrMake("process.cwd", process.Cwd, isDirectory: true);
        RootSteps.ChangeRoot(tape, root);
        Finish(tape, config, steps, credentials, workingDirectory, facts, namespaces);
    }

    private static void Finish(
        Tape tape, RuntimeConfig config, ProcessSteps steps, CredentialSteps credentials, Step workingDirectory, LaunchFacts facts, NamespaceTable namespaces)
    {
        credentials.Limits();
        SchedulingSteps.Add(tape, config.Process!);
        SchedulingSteps.Add(tape, config.Linux);
        steps.GiveStreams(namespaces.Has(NamespaceKinds.User));
        // As root, who may enter a directory that the user may not.
        tape.Add("process.cwd", Syscall.fchdir, workingDirectory);
        credentials.Become(config.Linux.Seccomp);
        steps.Execute(startHooks: config.Hooks?.StartContainer.Count > 0);
    }

    private static RootDirectory BuildRoot(Tape tape, RuntimeConfig config, LaunchFacts facts, NamespaceTable namespaces)
    {
        var mounts = new MountSteps(tape, config, namespaces, facts);
        var devices = new DeviceSteps(tape, config, namespaces);
        mounts.OpenSources();
        devices.OpenSources();
        RootSteps.Separate(tape);
        var root = RootSteps.Mount(tape, config, facts);
        NamespaceSteps.BecomeRoot(tape, namespaces);
        mounts.Add(root);
        devices.Add(root);
        if (InitSteps.IsAskedFor(config))
            InitSteps.Mount(tape, root, facts.Program);
        var paths = new PathSteps(tape, root);
        paths.Mask(config.Linux.MaskedPaths);
        paths.MakeReadOnly(config.Linux.ReadonlyPaths);
        return root;
    }
}
