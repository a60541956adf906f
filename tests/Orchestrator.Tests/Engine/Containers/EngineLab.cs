using System.Runtime.CompilerServices;
using System.Text;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Images;
using Orchestrator.Engine.Logs;
using Orchestrator.Linux;
using Orchestrator.Oci;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

/// <summary>A directory of its own with a busybox image, and engines on it that use the real runtime.</summary>
internal sealed class EngineLab : IAsyncDisposable
{
    private static readonly string[] s_applets = ["sh", "sleep", "echo", "cat", "id", "ls", "kill", "dd", "hostname", "wc", "seq", "stty", "stat", "mkdir", "touch", "yes", "env", "true", "rm", "ln", "ps", "grep", "test"];

    private readonly string _directory = Directory.CreateTempSubdirectory("orc-engine-").FullName;
    private readonly string _cgroup = $"orc-test-{Guid.NewGuid():N}";
    private int _ids;
    private string _runtime = RuntimePath ?? "";

    private EngineLab() => Image = MakeImage();

    public ContainerEngine Engine { get; private set; } = null!;

    public StoredImage Image { get; }

    public static string? RuntimePath { get; } = FindRuntime();

    /// <summary>Skips the test where it cannot run.</summary>
    public static async Task<EngineLab> OpenAsync()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root");
        if (RuntimePath is null)
            Assert.Skip("needs orc-runtime: publish it to out/bin or name it in ORC_RUNTIME");
        if (!File.Exists("/bin/busybox"))
            Assert.Skip("needs /bin/busybox (busybox-static)");
        var lab = new EngineLab();
        lab.Engine = await ContainerEngine.OpenAsync(lab.Options);
        return lab;
    }

    public EngineOptions Options => new(Path.Combine(_directory, "data"), Path.Combine(_directory, "run"), _runtime, _cgroup);

    /// <summary>As an upgrade does: another file takes the place of the program.</summary>
    public void ReplaceRuntime()
    {
        var next = Path.Combine(_directory, "orc-runtime");
        File.Copy(RuntimePath!, next + ".new", overwrite: true);
        File.Move(next + ".new", next, overwrite: true);
        _runtime = next;
    }

    /// <summary>As after a kill -9 of the engine's process: nothing is told to the old one.</summary>
    public async Task<ContainerEngine> ReopenAsync()
    {
        Engine.Dispose();
        return Engine = await ContainerEngine.OpenAsync(Options);
    }

    public ContainerOptions Shell(string script, Func<ContainerOptions, ContainerOptions>? with = null, [CallerMemberName] string test = "")
    {
        var options = new ContainerOptions { Id = $"{test.ToLowerInvariant()[..Math.Min(12, test.Length)]}-{Interlocked.Increment(ref _ids)}", Image = Image, Command = ["sh", "-c", script] };
        return with is null ? options : with(options);
    }

    /// <summary>Groups of containers that are still there.</summary>
    public IEnumerable<string> LeftGroups => Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(h => Path.Combine(h, _cgroup))
        .Where(Directory.Exists).SelectMany(g => Directory.GetDirectories(g)).Where(g => !g.EndsWith("/keeper", StringComparison.Ordinal));

    public async Task<Container> StartAsync(ContainerOptions options)
    {
        var container = Engine.Create(options);
        await Engine.StartAsync(container);
        return container;
    }

    /// <returns>What a container said until its end, and how it ended.</returns>
    public async Task<(ContainerExit Exit, string Output)> RunAsync(ContainerOptions options)
    {
        var container = await StartAsync(options);
        var exit = await container.Ended.WaitAsync(TestContext.Current.CancellationToken);
        return (exit, await LogAsync(container));
    }

    public static async Task<string> LogAsync(Container container)
    {
        var text = new StringBuilder();
        await foreach (var entry in container.ReadLogs(new LogQuery(), TestContext.Current.CancellationToken))
            text.Append(Encoding.UTF8.GetString(entry.Text.Span)).Append('\n');
        return text.ToString();
    }

    /// <summary>Waits until the container says a line.</summary>
    public static async Task SaysAsync(Container container, string line)
    {
        await foreach (var entry in container.ReadLogs(new LogQuery(Follow: true), TestContext.Current.CancellationToken))
            if (Encoding.UTF8.GetString(entry.Text.Span) == line)
                return;
        Assert.Fail($"the container ended and never said {line}: {await LogAsync(container)}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in Engine.Containers.ToList())
            await Engine.RemoveAsync(container);
        var keeper = Engine.KeeperPid;
        Engine.Dispose();
        using (var pidFd = Processes.OpenPidFd(keeper))
            Processes.Signal(pidFd, Signals.Kill);
        foreach (var hierarchy in Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup"))
            foreach (var group in new[] { $"{_cgroup}/keeper", _cgroup })
                await RemoveGroupAsync(Path.Combine(hierarchy, group));
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Waits for something that comes by itself; fails after a minute.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        var end = Environment.TickCount64 + 60_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end, "waited too long");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    // Busy as long as the keeper is on its way out.
    private static async Task RemoveGroupAsync(string group)
    {
        while (Directory.Exists(group))
        {
            try
            {
                Directory.Delete(group);
            }
            catch (IOException)
            {
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
        }
    }

    private StoredImage MakeImage()
    {
        var layer = Path.Combine(_directory, "layer");
        foreach (var directory in new[] { "bin", "etc", "tmp", "data/sub" })
            Directory.CreateDirectory(Path.Combine(layer, directory));
        File.Copy("/bin/busybox", Path.Combine(layer, "bin/busybox"));
        foreach (var applet in s_applets)
            File.CreateSymbolicLink(Path.Combine(layer, "bin", applet), "busybox");
        File.WriteAllText(Path.Combine(layer, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:123:45:web:/srv:/bin/sh\n");
        File.WriteAllText(Path.Combine(layer, "etc/group"), "root:x:0:\nweb:x:45:\nextra:x:77:web\n");
        File.WriteAllText(Path.Combine(layer, "data/sub/file"), "of the image\n");
        var digest = Digest.Parse("sha256:" + new string('a', 64));
        var config = new ImageConfig { Architecture = "amd64", Os = "linux", RootFs = new RootFs { DiffIds = [] } };
        return new StoredImage(digest, digest, config, [layer], []);
    }

    private static string? FindRuntime()
    {
        if (Environment.GetEnvironmentVariable("ORC_RUNTIME") is { Length: > 0 } named)
            return Path.GetFullPath(named);
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
            if (File.Exists(Path.Combine(directory, "out/bin/orc-runtime")))
                return Path.Combine(directory, "out/bin/orc-runtime");
        return null;
    }
}
