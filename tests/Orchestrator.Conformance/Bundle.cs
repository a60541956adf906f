using System.Diagnostics;
using System.Text.Json;
using Orchestrator.Keeping;
using Orchestrator.Oci.Runtime;
using Xunit;


namespace Orchestrator.Conformance;

/// <summary>A bundle with busybox in it, and a runtime to run it: the published one, or runc. Disposal checks that nothing is left on the machine.</summary>
public sealed class Bundle : IDisposable
{
    public const string Ours = "orc-runtime", Runc = "runc";

    private const string Busybox = "/bin/busybox";

    // Of the suite's own: other containers on this machine are not its business.
    private readonly string _group = $"/conformance-{Guid.NewGuid():N}";
    private readonly List<string> _ids = [];
    private readonly string _runtime;
    private KeeperLine? _keeper;

    /// <param name="runtime">Which runtime: <see cref="Ours"/> or <see cref="Runc"/>.</param>
    public Bundle(string runtime = Ours)
    {
        _runtime = runtime == Runc ? "/usr/sbin/runc" : Environment.GetEnvironmentVariable("ORC_RUNTIME") ?? System.IO.Path.Combine(Root, "out/bin/orc-runtime");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(File.Exists(_runtime), $"needs {_runtime} (make publish, or $ORC_RUNTIME; Debian's package runc)");
        Assert.SkipUnless(File.Exists(Busybox), "needs busybox-static");
        Path = Directory.CreateTempSubdirectory("orc-conformance").FullName;
        // As wide as a runtime needs that enters a user namespace before it opens the root.
        File.SetUnixFileMode(Path, (UnixFileMode)0x1ED);
        MakeRoot(System.IO.Path.Combine(Path, "rootfs"));
    }

    public string Path { get; }

    /// <summary>The runtime's program.</summary>
    public string Program => _runtime;

    public string Group => _group;

    public string Log => System.IO.Path.Combine(Path, "log");

    public string State => System.IO.Path.Combine(Path, "state");

    public string Rootfs => System.IO.Path.Combine(Path, "rootfs");

    /// <summary>A fresh id, and config.json for it: a shell with Docker's profile.</summary>
    public string Configure(string script, Func<RuntimeConfig, RuntimeConfig>? change = null)
    {
        var id = $"c{_ids.Count}";
        _ids.Add(id);
        var config = DefaultProfile.Config();
        config = config with
        {
            Process = config.Process! with { Args = ["sh", "-c", script] },
            Linux = config.Linux with { CgroupsPath = $"{_group}/{id}" },
        };
        File.WriteAllBytes(System.IO.Path.Combine(Path, "config.json"), (change?.Invoke(config) ?? config).ToJson());
        return id;
    }

    public RunResult Run(string script, Func<RuntimeConfig, RuntimeConfig>? change = null) =>
        Runtime(["run", "--bundle", Path, Configure(script, change)]);

    /// <summary>The line to this bundle's keeper, which is started when there is none.</summary>
    public KeeperLine Keeper => _keeper ??= new KeeperLine(StartKeeper());

    /// <summary>Starts a container in the keeper's hands.</summary>
    /// <returns>Its pid.</returns>
    public int Keep(string script, Func<RuntimeConfig, RuntimeConfig>? change = null, Func<StartRequest, StartRequest>? with = null)
    {
        var request = new StartRequest(Configure(script, change), Path, Log, 10 << 20, 3, InputMode.None);
        return Keeper.Start(with?.Invoke(request) ?? request);
    }

    /// <returns>The socket's path.</returns>
    public string StartKeeper()
    {
        var result = Runtime(["keeper", "--cgroup-parent", _group]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return System.IO.Path.Combine(State, KeeperProtocol.SocketName);
    }

    public string LastId => _ids[^1];

    public RunResult Exec(params string[] arguments) => Runtime(["exec", .. arguments]);

    public RunResult Runtime(string[] arguments, string input = "")
    {
        using var process = Start(arguments);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(60_000))
        {
            process.Kill();
            Assert.Fail($"{_runtime} {string.Join(' ', arguments)} hangs");
        }
        return new RunResult(process.ExitCode, output.Result, error.Result);
    }

    public Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo(_runtime) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--root", State, .. arguments])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Creates without a pipe in between: the container keeps the streams that create has, and would keep it open.</summary>
    public RunResult Create(string id, string options = "")
    {
        var errors = System.IO.Path.Combine(Path, "errors");
        using var process = Process.Start("sh", ["-c", $"exec {_runtime} --root {State} create --bundle {Path} {options} {id} >{errors} 2>&1 </dev/null"]);
        process.WaitForExit();
        return new RunResult(process.ExitCode, "", File.ReadAllText(errors));
    }

    /// <summary>exit.json of the newest container, as soon as it is there.</summary>
    public JsonElement AwaitExit()
    {
        var path = System.IO.Path.Combine(State, LastId, "exit.json");
        Await(() => File.Exists(path), "exit.json");
        using var json = JsonDocument.Parse(File.ReadAllText(path));
        return json.RootElement.Clone();
    }

    public string Status()
    {
        using var json = JsonDocument.Parse(Runtime(["state", LastId]).Output);
        return json.RootElement.GetProperty("status").GetString()!;
    }

    /// <summary>What the kernel says of a container's group.</summary>
    public string GroupValue(string id, string controller, string file)
    {
        var hierarchy = Directory.Exists($"/sys/fs/cgroup/{controller}{_group}/{id}") ? controller : "";
        return File.ReadAllText($"/sys/fs/cgroup/{hierarchy}{_group}/{id}/{file}").Trim();
    }

    /// <summary>The runtime's own processes that run for this bundle.</summary>
    public IEnumerable<int> OwnProcesses() => Processes().Where(p => p.CommandLine.Contains(State, StringComparison.Ordinal)).Select(p => p.Pid);

    public string[] LogLines() => File.Exists(Log) ? [.. File.ReadAllLines(Log).Select(l => l.Split(' ', 4)).Select(f => $"{f[1]}:{f[3]}")] : [];

    public static void Await(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"waited too long for {what}");
            Thread.Yield();
        }
    }

    public void Dispose()
    {
        foreach (var id in _ids)
            Assert.Equal(0, Runtime(["delete", "--force", id]).ExitCode);
        // A keeper that nobody talks to and that holds nothing ends, and takes all with it.
        if (_keeper is { } keeper)
        {
            var socket = keeper.SocketPath;
            keeper.Dispose();
            Await(() => !File.Exists(socket) && LeftGroups().Length == 0, "the keeper's end");
        }
        Assert.Empty(Directory.Exists(State) ? Directory.GetFileSystemEntries(State) : []);
        if (_runtime.EndsWith(Runc, StringComparison.Ordinal))
            RemoveParentGroups();
        Assert.Empty(LeftGroups());
        Assert.DoesNotContain(Path, File.ReadAllText("/proc/self/mountinfo"));
        // A keeper takes its socket away before it ends.
        Await(() => !Processes().Any(p => p.CommandLine.Contains(Path, StringComparison.Ordinal)), "the end of all processes");
        Directory.Delete(Path, recursive: true);
    }

    // Runc leaves what it made above a container's group.
    private void RemoveParentGroups()
    {
        foreach (var directory in LeftGroups())
            Directory.Delete(directory);
    }

    private string[] LeftGroups() =>
        [.. Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").Select(h => h + _group).Where(Directory.Exists)];

    private static IEnumerable<(int Pid, string CommandLine)> Processes()
    {
        foreach (var directory in Directory.GetDirectories("/proc").Where(d => int.TryParse(System.IO.Path.GetFileName(d), out _)))
        {
            string text;
            try
            {
                text = File.ReadAllText(directory + "/cmdline");
            }
            catch (IOException)
            {
                continue;
            }
            yield return (int.Parse(System.IO.Path.GetFileName(directory)), text);
        }
    }

    private static void MakeRoot(string root)
    {
        foreach (var name in (string[])["bin", "etc", "tmp", "root", "data"])
            Directory.CreateDirectory(System.IO.Path.Combine(root, name));
        File.SetUnixFileMode(root + "/tmp", (UnixFileMode)0x3FF);
        File.Copy(Busybox, root + "/bin/busybox");
        foreach (var applet in (string[])["sh", "cat", "echo", "id", "ls", "sleep", "hostname", "mount", "touch", "grep", "stat", "dd", "head", "true", "kill", "ps", "seq", "chroot", "mknod", "stty", "tty", "wc", "tail", "umask", "unshare", "env", "readlink", "mkdir", "dmesg", "sysctl", "ip", "mkfifo", "umount", "ln", "rm", "nice", "date", "uptime", "cut", "sort", "tr", "sync", "chmod", "chown", "cp", "su", "test", "ulimit", "uname"])
            File.CreateSymbolicLink(root + "/bin/" + applet, "busybox");
    }

    private static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    private static string FindRoot(string from) =>
        File.Exists(System.IO.Path.Combine(from, "Orchestrator.slnx")) ? from : FindRoot(System.IO.Path.GetDirectoryName(from)!);
}

public sealed record RunResult(int ExitCode, string Output, string Error);
