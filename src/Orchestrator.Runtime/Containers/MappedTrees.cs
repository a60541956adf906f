using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>The bind mounts with mapped ids. Only who owns the file system can make them, so the parent does, before the clone.</summary>
internal sealed class MappedTrees : IDisposable
{
    private readonly Dictionary<int, SafeFileHandle> _trees = [];

    public IReadOnlyDictionary<int, int> Numbers => _trees.ToDictionary(t => t.Key, t => t.Value.Number());

    /// <exception cref="RuntimeConfigException">A source that is not there, or a file system that cannot be mapped.</exception>
    public static MappedTrees Open(RuntimeConfig config, LaunchFacts facts)
    {
        var trees = new MappedTrees();
        for (var i = 0; i < config.Mounts.Count; i++)
        {
            var (mount, field) = (config.Mounts[i], $"mounts[{i}]");
            if (!mount.Options.Contains("idmap") && !mount.Options.Contains("ridmap"))
                continue;
            try
            {
                trees._trees[i] = Open(config, mount, MountOptions.Parse(mount, field), MountSteps.SourcePath(mount, field, facts));
            }
            catch (LinuxException e)
            {
                trees.Dispose();
                throw new RuntimeConfigException(field + ".uidMappings", e.Message);
            }
        }
        return trees;
    }

    public void Dispose()
    {
        foreach (var tree in _trees.Values)
            tree.Dispose();
    }

    private static SafeFileHandle Open(RuntimeConfig config, MountConfig mount, MountOptions options, string source)
    {
        var tree = LaunchPipes.MoveUp(DetachedTree.Open(source, options.IsRecursiveBind));
        using var userNamespace = UserNamespace(config, mount);
        if (userNamespace is not null)
            DetachedTree.Map(tree, userNamespace, options.MapsIdsRecursively == true);
        return tree;
    }

    // Null when there is none: the plan refuses that, with the field's name.
    private static SafeFileHandle? UserNamespace(RuntimeConfig config, MountConfig mount)
    {
        if (mount.UidMappings.Count > 0)
            return Make(new UserMaps(mount.UidMappings, mount.GidMappings));
        if (config.Linux.Namespaces.FirstOrDefault(n => n.Type == "user") is not { } ns)
            return null;
        return ns.Path is { Length: > 0 } path ? FileSystem.Open(path, OpenFlags.ReadOnly) : Make(new UserMaps(config.Linux.UidMappings, config.Linux.GidMappings));
    }

    /// <summary>A namespace for the sake of its maps: the process that brought it into being ends at once.</summary>
    private static SafeFileHandle Make(UserMaps maps)
    {
        using var wait = LaunchPipes.Create();
        var tape = new Tape();
        tape.Add("", Syscall.close, wait.Writer.Number());
        tape.Add("", Syscall.read, wait.Reader.Number(), Argument.Of(new byte[1], "{1 byte}"), 1);
        using var child = Launcher.Launch(tape, wait.Writer.Number(), new CloneOptions(NamespaceKinds.User));
        try
        {
            MapWriter.Write(child.Pid, maps, new ProcessConfig());
            return FileSystem.Open($"/proc/{child.Pid}/ns/user", OpenFlags.ReadOnly);
        }
        finally
        {
            Processes.Signal(child.PidFd, Signals.Kill);
            Processes.Reap(child.PidFd);
        }
    }
}
