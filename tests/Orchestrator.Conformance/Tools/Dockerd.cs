using System.Diagnostics;
using Xunit;

namespace Orchestrator.Conformance.Tools;

/// <summary>
/// Debian's Docker Engine with this runtime as its default. In a network and a mount namespace of its own: a Docker daemon changes the machine's
/// firewall. Containers' groups lie below one of the suite's own.
/// </summary>
public class Dockerd : IDisposable
{
    private readonly string _directory = "";
    private readonly string _group = $"/docker-{Guid.NewGuid():N}";
    private readonly Process? _daemon;

    private readonly string _options, _before;

    public Dockerd() : this("", "")
    {
    }

    /// <param name="before">Shell commands that prepare its namespaces.</param>
    protected Dockerd(string options, string before)
    {
        (_options, _before) = (options, before);
        if (!Environment.IsPrivilegedProcess || Programs.Find("dockerd") is null || !File.Exists(Programs.Runtime) || !File.Exists(Programs.Image))
            return;
        // Short: a socket's path has 108 bytes.
        _directory = Directory.CreateTempSubdirectory("orc-d").FullName;
        // Who is root in a user namespace only must get through.
        File.SetUnixFileMode(_directory, (UnixFileMode)0x1C9);
        _daemon = Process.Start("unshare", ["--net", "--mount", "--propagation", "private", "sh", "-c", Script()]);
        Bundle.Await(() => _daemon.HasExited || Run("info").ExitCode == 0, "dockerd");
        if (_daemon.HasExited)
        {
            var why = File.Exists(Log) ? File.ReadAllText(Log) : "dockerd did not start";
            Directory.Delete(_directory, recursive: true);
            Assert.Fail(why);
        }
        var image = Run("import", Programs.Image, "busybox");
        Assert.True(image.ExitCode == 0, image.Error);
    }

    private string Log => _directory + "/log";

    private Dictionary<string, string> Address => new() { ["DOCKER_HOST"] = $"unix://{_directory}/socket" };

    public static void Require() => Programs.Require("dockerd", "docker", "unshare", "script");

    public RunResult Run(params IEnumerable<string> arguments) => Programs.Run("docker", arguments, environment: Address);

    public RunResult RunOnTerminal(string input, params IEnumerable<string> arguments) => Programs.RunOnTerminal("docker", arguments, input, Address);

    /// <summary>Runs it and returns what it printed; a failure is the test's.</summary>
    public string Get(params IEnumerable<string> arguments)
    {
        var result = Run(arguments);
        Assert.True(result.ExitCode == 0, $"docker {string.Join(' ', arguments)}: {result}");
        return result.Output.Trim();
    }

    public string Inspect(string container, string format) => Get("inspect", "--format", format, container);

    /// <summary>Starts a container in the background.</summary>
    public string Start(params IEnumerable<string> arguments) => Get([.. new[] { "run", "-d", "--network", "host" }, .. arguments]);

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (_daemon is null)
            return;
        if (!_daemon.HasExited)
        {
            foreach (var container in Run("ps", "-aq").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Run("rm", "-f", "-v", container);
            Programs.Run("kill", ["-TERM", File.ReadAllText(_directory + "/pid")]);
            Bundle.Await(() => _daemon.HasExited, "the end of dockerd");
        }
        Bundle.Await(() => !Programs.With(_directory).Any(), "the end of dockerd's children");
        Assert.DoesNotContain(_directory, File.ReadAllText("/proc/self/mountinfo"));
        Assert.DoesNotContain(Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup"), h => Directory.Exists(h + _group));
        Directory.Delete(_directory, recursive: true);
    }

    private string Script() => $"""
        ip link set lo up
        {_before}
        exec dockerd --data-root {_directory}/data --exec-root {_directory}/exec -H unix://{_directory}/socket --pidfile {_directory}/pid \
            --add-runtime orc={Programs.Runtime} --default-runtime orc --cgroup-parent {_group} --exec-opt native.cgroupdriver=cgroupfs \
            {_options} >{Log} 2>&1
        """;
}

/// <summary>One whose containers have user namespaces: their ids are the machine's from 100,000 on.</summary>
public sealed class RemappingDockerd() : Dockerd("--userns-remap=nobody:nogroup", "mount -t tmpfs tmpfs /mnt && echo nobody:100000:65536 >/mnt/subuid && echo nobody:100000:65536 >/mnt/subgid && mount --bind /mnt/subuid /etc/subuid && mount --bind /mnt/subgid /etc/subgid && umount /mnt");
