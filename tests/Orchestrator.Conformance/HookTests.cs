using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>hooks: which, when, where, with what, and what their failure does.</summary>
public sealed class HookTests
{
    [Theory, OnBoth(RuncLacks = "runs the poststart hooks at the end of create")]
    public void They_run_in_the_order_of_a_containers_life(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var log = Path.Combine(bundle.Path, "order");
        HookConfig[] Say(string word) => [Sh($"echo {word} >> {log}"), Sh($"echo {word}2 >> {log}")];
        // Inside, the log is where the volume is.
        HookConfig[] inside = [Sh("echo startContainer >> /log/order"), Sh("echo startContainer2 >> /log/order")];
        var id = bundle.Configure("echo process >> /log/order", All(Bind(bundle.Path, "/log"), c => c with
        {
            Hooks = new HooksConfig
            {
                Prestart = Say("prestart"), CreateRuntime = Say("createRuntime"), CreateContainer = Say("createContainer"),
                StartContainer = inside, Poststart = Say("poststart"), Poststop = Say("poststop"),
            },
        }));
        Assert.Equal("", bundle.Create(id).Error);
        string[] created = ["prestart", "prestart2", "createRuntime", "createRuntime2", "createContainer", "createContainer2"];
        Assert.Equal(created, File.ReadAllLines(log));
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        Bundle.Await(() => bundle.Status() == "stopped", "the end");
        string[] started = [.. created, "startContainer", "startContainer2", "process", "poststart", "poststart2"];
        Assert.Equal(started.Order(StringComparer.Ordinal), File.ReadAllLines(log).Order(StringComparer.Ordinal));
        Assert.Equal(["startContainer", "startContainer2"], File.ReadAllLines(log)[6..8]);
        Assert.Equal(0, bundle.Runtime(["delete", id]).ExitCode);
        Assert.Equal([.. started.Order(StringComparer.Ordinal), "poststop", "poststop2"], [.. File.ReadAllLines(log)[..^2].Order(StringComparer.Ordinal), .. File.ReadAllLines(log)[^2..]]);
    }

    [Theory, OnBoth(RuncLacks = "runs the poststart hooks at the end of create")]
    public void They_all_run_with_run(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var log = Path.Combine(bundle.Path, "order");
        HookConfig[] Say(string word) => [Sh($"echo {word} >> {log}")];
        var result = bundle.Run("sleep 0.2", All(Bind(bundle.Path, "/log"), c => c with
        {
            Hooks = new HooksConfig
            {
                Prestart = Say("prestart"), CreateRuntime = Say("createRuntime"), CreateContainer = Say("createContainer"),
                StartContainer = [Sh("echo startContainer >> /log/order")], Poststart = Say("poststart"), Poststop = Say("poststop"),
            },
        }));
        Assert.Equal("", result.Error);
        Assert.Equal(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"], File.ReadAllLines(log));
    }

    [Theory, OnBoth]
    public void They_read_the_state(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var states = Directory.CreateDirectory(Path.Combine(bundle.Path, "states")).FullName;
        HookConfig[] Keep(string name) => [Sh($"cat > {states}/{name}")];
        var id = bundle.Configure("sleep 1000", All(Bind(bundle.Path, "/log"), c => c with
        {
            Annotations = new Dictionary<string, string> { ["org.example"] = "a b" },
            Hooks = new HooksConfig
            {
                Prestart = Keep("prestart"), CreateRuntime = Keep("createRuntime"), CreateContainer = Keep("createContainer"),
                StartContainer = [Sh("cat > /log/states/startContainer")], Poststart = Keep("poststart"), Poststop = Keep("poststop"),
            },
        }));
        Assert.Equal("", bundle.Create(id).Error);
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        using var json = JsonDocument.Parse(bundle.Runtime(["state", id]).Output);
        var pid = json.RootElement.GetProperty("pid").GetInt32();
        Assert.Equal(0, bundle.Runtime(["delete", "--force", id]).ExitCode);
        foreach (var (name, status) in new[] { ("prestart", "creating"), ("createRuntime", "creating"), ("createContainer", "creating"), ("startContainer", "created"), ("poststart", "running"), ("poststop", "stopped") })
        {
            using var state = JsonDocument.Parse(File.ReadAllText(Path.Combine(states, name)));
            Assert.Equal(id, state.RootElement.GetProperty("id").GetString());
            Assert.Equal(bundle.Path, state.RootElement.GetProperty("bundle").GetString());
            Assert.Equal("a b", state.RootElement.GetProperty("annotations").GetProperty("org.example").GetString());
            Assert.StartsWith("1.", state.RootElement.GetProperty("ociVersion").GetString());
            // runc 1.1.5 runs these at the end of create.
            if (name != "poststart" || runtime == Bundle.Ours)
                Assert.Equal(status, state.RootElement.GetProperty("status").GetString());
            if (name is "prestart" or "createRuntime" or "poststart")
                Assert.Equal(pid, state.RootElement.GetProperty("pid").GetInt32());
            if (name is "createContainer" or "startContainer")
                Assert.Equal(1, state.RootElement.GetProperty("pid").GetInt32());
        }
    }

    [Theory, OnBoth]
    public void They_have_their_arguments_and_environment(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var output = Path.Combine(bundle.Path, "output");
        var hook = new HookConfig { Path = "/bin/busybox", Args = ["sh", "-c", $"echo $0 $1 $WORD > {output}", "zero", "one"], Env = ["WORD=x y"] };
        Assert.Equal("", bundle.Run("true", c => c with { Hooks = new HooksConfig { CreateRuntime = [hook] } }).Error);
        Assert.Equal("zero one x y\n", File.ReadAllText(output));
    }

    [Theory, OnBoth]
    public void They_run_in_their_namespaces(string runtime)
    {
        using var bundle = new Bundle(runtime);
        HookConfig[] Links(string file) => [Sh($"/bin/busybox readlink /proc/self/ns/net > {file}; /bin/busybox readlink /proc/self/ns/uts >> {file}")];
        var path = Path.Combine(bundle.Path, "n");
        var result = bundle.Run("readlink /proc/self/ns/net; readlink /proc/self/ns/uts", All(Bind(bundle.Path, "/log"), c => c with
        {
            Hooks = new HooksConfig { CreateRuntime = Links(path + "1"), CreateContainer = Links(path + "2"), StartContainer = Links("/log/n3"), Poststart = Links(path + "4") },
        }));
        var host = $"{new FileInfo("/proc/self/ns/net").LinkTarget}\n{new FileInfo("/proc/self/ns/uts").LinkTarget}\n";
        Assert.Equal([host, result.Output, result.Output, host], new[] { 1, 2, 3, 4 }.Select(n => File.ReadAllText(path + n)));
    }

    [Theory, OnBoth]
    public void Those_of_create_find_the_mounts_made_and_the_root_not_changed(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var output = Path.Combine(bundle.Path, "output");
        var hook = Sh($"/bin/busybox grep -c \" {bundle.Rootfs}/proc \" /proc/self/mountinfo > {output}; test -d {bundle.Rootfs} && echo host >> {output}");
        bundle.Run("true", c => c with { Hooks = new HooksConfig { CreateContainer = [hook] } });
        Assert.Equal("1\nhost\n", File.ReadAllText(output));
    }

    [Fact]
    public void One_that_starts_in_the_container_has_no_more_rights_than_its_process()
    {
        using var bundle = new Bundle();
        bundle.Run("true", All(Bind(bundle.Path, "/log"), WithProcess(p => p with { User = new UserConfig { Uid = 0 } }), c => c with
        {
            Hooks = new HooksConfig { StartContainer = [Sh("grep -E 'CapEff|CapBnd|Seccomp:|NoNewPrivs' /proc/self/status > /log/status")] },
        }));
        var own = bundle.Run("grep -E 'CapEff|CapBnd|Seccomp:|NoNewPrivs' /proc/self/status").Output;
        Assert.Equal(own, File.ReadAllText(Path.Combine(bundle.Path, "status")));
    }

    public static IEnumerable<TheoryDataRow<string, string>> Failing => new[] { "prestart", "createRuntime", "createContainer", "startContainer", "poststart" }.SelectMany(kind => new[]
    {
        new TheoryDataRow<string, string>(Bundle.Ours, kind),
        new TheoryDataRow<string, string>(Bundle.Runc, kind)
        {
            Skip = kind switch
            {
                "poststart" => "runc 1.1.5: runs the poststart hooks at the end of create",
                "startContainer" => "runc 1.1.5: start does not wait for them",
                _ => null,
            },
        },
    });

    [Theory, MemberData(nameof(Failing))]
    public void One_that_fails_ends_the_container(string runtime, string kind)
    {
        using var bundle = new Bundle(runtime);
        var id = bundle.Configure("sleep 1000", c => c with { Hooks = Only(kind, Sh("echo because >&2; exit 9")) });
        var result = bundle.Create(id);
        if (kind is "startContainer" or "poststart")
        {
            Assert.Equal("", result.Error);
            result = bundle.Runtime(["start", id]);
        }
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("because", result.Error);
        if (runtime == Bundle.Ours)
            Assert.Contains($"hooks.{kind}[0]: /bin/busybox ended with 9", result.Error);
        if (kind is "startContainer" or "poststart")
            Bundle.Await(() => bundle.Status() == "stopped", "the end");
        else
            Assert.NotEqual(0, bundle.Runtime(["state", id]).ExitCode);
    }

    [Theory, MemberData(nameof(Failing))]
    public void One_that_fails_fails_run_and_leaves_nothing(string runtime, string kind)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("sleep 1000", c => c with { Hooks = Only(kind, Sh("exit 9")) });
        Assert.NotEqual(0, result.ExitCode);
        Assert.NotEqual(0, bundle.Runtime(["state", bundle.LastId]).ExitCode);
    }

    [Theory, OnBoth(RuncLacks = "stops at the first that fails")]
    public void One_after_the_end_may_fail_and_the_next_runs(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var output = Path.Combine(bundle.Path, "output");
        var result = bundle.Run("true", c => c with { Hooks = new HooksConfig { Poststop = [Sh("exit 9"), Sh($"echo next > {output}")] } });
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("warning: hooks.poststop[0]", result.Error);
        Assert.Equal("next\n", File.ReadAllText(output));
    }

    [Theory, OnBoth]
    public void One_that_takes_too_long_is_killed(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", c => c with { Hooks = new HooksConfig { CreateRuntime = [Sh("exec /bin/busybox sleep 1000") with { Timeout = 1 }] } });
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(runtime == Bundle.Ours ? "hooks.createRuntime[0]: /bin/busybox has not ended within 1 s" : "ran past specified timeout", result.Error);
    }

    [Theory, OnBoth]
    public void One_that_does_not_exist_is_named(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", c => c with { Hooks = new HooksConfig { CreateRuntime = [new HookConfig { Path = "/no/such/hook" }] } });
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("/no/such/hook", result.Error);
    }

    [Theory, OnBoth]
    public void Later_changes_of_the_bundle_do_not_matter(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var output = Path.Combine(bundle.Path, "output");
        var id = bundle.Configure("sleep 1000", c => c with { Hooks = new HooksConfig { Poststart = [Sh($"echo first > {output}")] } });
        Assert.Equal("", bundle.Create(id).Error);
        var config = Path.Combine(bundle.Path, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("echo first", "echo second", StringComparison.Ordinal));
        Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
        Assert.Equal("first\n", File.ReadAllText(output));
    }

    private static HookConfig Sh(string script) => new() { Path = "/bin/busybox", Args = ["sh", "-c", script], Env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };

    private static HooksConfig Only(string kind, HookConfig hook) => kind switch
    {
        "prestart" => new HooksConfig { Prestart = [hook] },
        "createRuntime" => new HooksConfig { CreateRuntime = [hook] },
        "createContainer" => new HooksConfig { CreateContainer = [hook] },
        "startContainer" => new HooksConfig { StartContainer = [hook] },
        _ => new HooksConfig { Poststart = [hook] },
    };
}
