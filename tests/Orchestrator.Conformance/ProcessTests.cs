using Orchestrator.Oci.Runtime;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>What the process of a container is: who, where, with what, and what it may not.</summary>
public sealed class ProcessTests
{
    [Theory, OnBoth]
    public void The_exit_code_is_the_programs(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal(7, bundle.Run("exit 7").ExitCode);
    }

    [Theory, OnBoth]
    public void A_signals_end_is_128_and_its_number(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal(128 + 9, bundle.Run("kill -9 $$; sleep 5", NoPidNamespace).ExitCode);
    }

    [Theory, OnBoth]
    public void It_runs_as_the_user_in_the_directory_with_the_environment(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("id -u; id -g; id -G; pwd; echo $WORD; umask", c => Process(c, p => p with
        {
            User = new UserConfig { Uid = 1000, Gid = 1001, AdditionalGids = [1001, 7], Umask = 0x3F },
            Cwd = "/new/dir",
            Env = [.. p.Env, "WORD=a b"],
        }));
        Assert.Equal("1000\n1001\n1001 7\n/new/dir\na b\n0077\n", result.Output);
    }

    [Theory, OnBoth]
    public void It_has_the_hostname_and_is_pid_1_of_its_own(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("box\n1\n", bundle.Run("hostname; echo $$", c => c with { Hostname = "box" }).Output);
    }

    [Theory, OnBoth]
    public void Capabilities_are_the_ones_listed(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("grep -E 'Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status", c => Process(c, p => p with
        {
            Capabilities = new CapabilitiesConfig { Bounding = ["CAP_CHOWN", "CAP_KILL"], Effective = ["CAP_CHOWN"], Permitted = ["CAP_CHOWN", "CAP_KILL"] },
        }));
        // Root gains at execve what the bounding set leaves.
        Assert.Contains("CapBnd:\t0000000000000021", result.Output);
        Assert.Contains("CapPrm:\t0000000000000021", result.Output);
        Assert.Contains("CapInh:\t0000000000000000", result.Output);
    }

    [Theory, OnBoth]
    public void A_user_without_ambient_capabilities_has_none(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Contains("CapEff:\t0000000000000000", bundle.Run("grep CapEff /proc/self/status", c => Process(c, p => p with { User = new UserConfig { Uid = 5, Gid = 5 } })).Output);
    }

    [Theory, OnBoth]
    public void The_filter_refuses_what_it_does_not_know(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("grep -E 'Seccomp:|NoNewPrivs' /proc/self/status; unshare -m true || echo refused");
        Assert.Contains("Seccomp:\t2", result.Output);
        Assert.Contains("NoNewPrivs:\t1", result.Output);
        Assert.Contains("refused", result.Output);
        Assert.Contains("Operation not permitted", result.Error);
    }

    [Theory, OnBoth]
    public void A_limit_is_set(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("123\n", bundle.Run("ulimit -n", c => Process(c, p => p with { Rlimits = [new RlimitConfig { Type = "RLIMIT_NOFILE", Soft = 123, Hard = 123 }] })).Output);
    }

    [Theory, OnBoth]
    public void No_descriptor_of_the_hosts_comes_along(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("0 1 2 3\n", bundle.Run("echo $(ls /proc/self/fd)").Output);
    }

    [Theory, OnBoth]
    public void A_missing_command_says_so(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("", c => Process(c, p => p with { Args = ["nope"] }));
        Assert.Equal(1, result.ExitCode);
        // Runc says it within a line of its log.
        Assert.Contains("exec: \"nope\": executable file not found in $PATH", result.Error.Replace("\\\"", "\"", StringComparison.Ordinal));
    }

    [Theory, OnBoth]
    public void A_command_without_permission_says_so(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Contains("exec: \"/etc\": permission denied", bundle.Run("", c => Process(c, p => p with { Args = ["/etc"] })).Error.Replace("\\\"", "\"", StringComparison.Ordinal));
    }

    [Fact]
    public void An_init_reaps_and_passes_signals_on()
    {
        using var bundle = new Bundle();
        var result = bundle.Run("(sleep 0 &); echo $$; trap 'exit 9' TERM; kill -TERM 1; while true; do sleep 1; done",
            c => c with { Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Init] = "true" } });
        Assert.NotEqual("1\n", result.Output);
        Assert.Equal(9, result.ExitCode);
    }

    [Fact]
    public void A_missing_command_under_an_init_says_so_too()
    {
        using var bundle = new Bundle();
        Assert.Contains("executable file not found", bundle.Run("", c => Process(c, p => p with { Args = ["nope"] }) with
        {
            Annotations = new Dictionary<string, string> { [RuntimeAnnotations.Init] = "true" },
        }).Error);
    }

    private static RuntimeConfig NoPidNamespace(RuntimeConfig config) =>
        config with { Linux = config.Linux with { Namespaces = [.. config.Linux.Namespaces.Where(n => n.Type != "pid")] } };

    private static RuntimeConfig Process(RuntimeConfig config, Func<ProcessConfig, ProcessConfig> change) =>
        config with { Process = change(config.Process!) };
}
