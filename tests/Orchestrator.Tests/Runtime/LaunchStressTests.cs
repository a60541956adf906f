using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;
using Orchestrator.Runtime.Verbs;
using Xunit;

namespace Orchestrator.Tests.Runtime;

/// <summary>Launches from a process whose other threads make and collect garbage all the time: what runs in the children must not wait for them.</summary>
public sealed class LaunchStressTests : IDisposable
{
    private const string Busybox = "/bin/busybox";
    private const int LaunchesByDefault = 45, GarbageThreads = 3;

    private readonly string _directory = Directory.CreateTempSubdirectory("orc-stress").FullName;
    private readonly string _group = $"/orc-stress-{Guid.NewGuid():N}";
    private volatile bool _done;

    public void Dispose()
    {
        foreach (var directory in Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(h => h + _group).Where(Directory.Exists))
            Directory.Delete(directory);
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>$ORC_LAUNCHES sets how many.</summary>
    [Fact]
    public void None_hangs_and_none_leaves_anything()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(File.Exists(Busybox), "needs busybox-static");
        Directory.CreateDirectory(Path.Combine(_directory, "rootfs/bin"));
        File.Copy(Busybox, Path.Combine(_directory, "rootfs/bin/busybox"));
        var launches = int.Parse(Environment.GetEnvironmentVariable("ORC_LAUNCHES") ?? $"{LaunchesByDefault}", CultureInfo.InvariantCulture);
        var threads = Enumerable.Range(0, GarbageThreads).Select(_ => new Thread(MakeGarbage)).ToList();
        threads.ForEach(t => t.Start());
        try
        {
            for (var i = 0; i < launches; i++)
                Launch(Kinds[i % Kinds.Length]);
        }
        finally
        {
            _done = true;
            threads.ForEach(t => t.Join());
        }
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_directory, "state")));
        Assert.DoesNotContain(_directory, File.ReadAllText("/proc/self/mountinfo"));
        Assert.DoesNotContain(Directory.GetDirectories("/sys/fs/cgroup"), h => Directory.Exists($"{h}{_group}/c"));
    }

    // Plain, with an intermediate child, and with a talk with the parent.
    private static Func<LinuxConfig, LinuxConfig>[] Kinds =>
    [
        l => l,
        l => l with { Namespaces = [.. l.Namespaces, new NamespaceConfig { Type = "time" }], TimeOffsets = new Dictionary<string, TimeOffset> { ["boottime"] = new() { Secs = 1 } } },
        l => l with { Namespaces = [.. l.Namespaces, new NamespaceConfig { Type = "user" }], UidMappings = [new IdMapping { Size = 1000 }], GidMappings = [new IdMapping { Size = 1000 }] },
    ];

    private void Launch(Func<LinuxConfig, LinuxConfig> kind)
    {
        var config = DefaultProfile.Config();
        config = config with { Process = config.Process! with { Args = ["/bin/busybox", "true"] }, Linux = kind(config.Linux) with { CgroupsPath = _group + "/c" } };
        File.WriteAllBytes(Path.Combine(_directory, "config.json"), config.ToJson());
        var container = new Container(Path.Combine(_directory, "state"), "c");
        using var errorPipe = LaunchPipes.Create();
        using var goPipe = LaunchPipes.Create();
        using var child = new ContainerLaunch(container, _directory, config, "/bin/true")
            .Start(errorPipe, new LaunchDescriptors(errorPipe.Writer.Number(), goPipe.Reader.Number(), goPipe.Writer.Number()));
        Assert.Equal(0, Processes.Reap(child.PidFd).Code);
        DeleteVerb.Delete(container, force: true);
    }

    private void MakeGarbage()
    {
        while (!_done)
        {
            for (var i = 0; i < 1000; i++)
                GC.KeepAlive(new byte[1000]);
            GC.Collect(0);
        }
    }
}
