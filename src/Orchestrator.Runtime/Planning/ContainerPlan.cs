using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using static Orchestrator.Runtime.Planning.KernelArguments;

namespace Orchestrator.Runtime.Planning;

/// <summary>What starting a container means: the limits of its group, the namespaces to clone into, and the tape that the child runs.</summary>
public sealed record ContainerPlan(IReadOnlyList<CgroupSetting> Limits, NamespaceKinds Namespaces, Tape Tape)
{
    /// <summary>Compiles config.json. Touches nothing: the same configuration and facts make the same plan.</summary>
    /// <exception cref="RuntimeConfigException">A field cannot be honoured.</exception>
    public static ContainerPlan Compile(RuntimeConfig config, LaunchFacts facts)
    {
        if (config.Hooks is { } hooks && hooks.EnumerateObject().Any())
            throw new RuntimeConfigException("hooks", "are not supported; accepted: none");
        var process = config.Process ?? throw new RuntimeConfigException("process", "is missing");
        var tape = new Tape();
        var steps = new ProcessSteps(tape, process, facts, InitSteps.IsAskedFor(config));
        var credentials = new CredentialSteps(tape, process, facts);
        steps.Begin();
        var created = EnterNamespaces(tape, config, facts);
        credentials.OomScore();
        var root = BuildRoot(tape, config, facts);
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
        credentials.Limits();
        steps.GiveStreams();
        credentials.Become(config.Linux.Seccomp);
        steps.Execute(workingDirectory);
        return new ContainerPlan(CgroupSetting.From(config.Linux.Resources, facts.Cgroups), created, tape);
    }

    public override string ToString() => string.Concat(Limits.Select(l => l + "\n")) + $"      clone3({{{Namespaces}}})  # linux.namespaces\n" + Tape;

    private static NamespaceKinds EnterNamespaces(Tape tape, RuntimeConfig config, LaunchFacts facts)
    {
        CgroupSteps.Join(tape, facts);
        var created = NamespaceKinds.None;
        foreach (var (kind, path, field) in NamespaceTable.Read(config.Linux))
        {
            if (path is not null)
                Enter(tape, kind, path, field);
            // Its root is the group that the child is in at this moment.
            else if (kind == NamespaceKinds.Cgroup)
                tape.Add(field, Syscall.unshare, Argument.Named((long)kind, "CLONE_NEWCGROUP"));
            else
                created |= kind;
        }
        if (!created.HasFlag(NamespaceKinds.Mount))
            throw new RuntimeConfigException("linux.namespaces", "have no new mount namespace; accepted: a list with {\"type\": \"mount\"}");
        Name(tape, config);
        return created;
    }

    private static void Enter(Tape tape, NamespaceKinds kind, string path, string field)
    {
        if (kind is NamespaceKinds.Mount or NamespaceKinds.Pid)
            throw new RuntimeConfigException(field + ".path", "is not supported for this type; accepted: no path, for a new namespace");
        var file = tape.Add(field + ".path", Syscall.openat, HereDirectory, path, Argument.Flags(OpenFlags.ReadOnly | OpenFlags.CloseOnExec), 0);
        tape.Add(field + ".path", Syscall.setns, file, Argument.Named((long)kind, kind.ToString()));
    }

    private static void Name(Tape tape, RuntimeConfig config)
    {
        foreach (var (name, call, field) in new[] { (config.Hostname, Syscall.sethostname, "hostname"), (config.Domainname, Syscall.setdomainname, "domainname") })
        {
            if (string.IsNullOrEmpty(name))
                continue;
            if (!config.Linux.Namespaces.Any(n => n.Type == "uts"))
                throw new RuntimeConfigException(field, "would change the host's; accepted: only with a uts namespace");
            tape.Add(field, call, name, name.Length);
        }
    }

    private static RootDirectory BuildRoot(Tape tape, RuntimeConfig config, LaunchFacts facts)
    {
        var root = RootSteps.Mount(tape, config, facts);
        new MountSteps(tape, root, facts).Add(config.Mounts);
        DeviceSteps.Add(tape, root, config);
        if (InitSteps.IsAskedFor(config))
            InitSteps.Mount(tape, root, facts.Program);
        var paths = new PathSteps(tape, root);
        paths.Sysctl(config);
        paths.Mask(config.Linux.MaskedPaths);
        paths.MakeReadOnly(config.Linux.ReadonlyPaths);
        return root;
    }
}
