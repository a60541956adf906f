using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Orchestrator.Oci.Runtime;
using Xunit;
using static Orchestrator.Conformance.Configs;

namespace Orchestrator.Conformance;

/// <summary>linux.seccomp: every action, comparison, architecture and flag. Probes call getppid (110), or getpriority (140) with arguments.</summary>
public sealed class SeccompTests
{
    private const string Allow = "SCMP_ACT_ALLOW";
    private const int KilledBySys = 128 + 31;

    [Theory]
    [InlineData(Bundle.Ours, "SCMP_ACT_ERRNO", 13u, "-13\n", 0), InlineData(Bundle.Runc, "SCMP_ACT_ERRNO", 13u, "-13\n", 0)]
    [InlineData(Bundle.Ours, "SCMP_ACT_ERRNO", null, "-1\n", 0), InlineData(Bundle.Runc, "SCMP_ACT_ERRNO", null, "-1\n", 0)]
    [InlineData(Bundle.Ours, "SCMP_ACT_ALLOW", null, "0\n", 0), InlineData(Bundle.Runc, "SCMP_ACT_ALLOW", null, "0\n", 0)]
    [InlineData(Bundle.Ours, "SCMP_ACT_LOG", null, "0\n", 0), InlineData(Bundle.Runc, "SCMP_ACT_LOG", null, "0\n", 0)]
    // Without a tracer the call does not exist.
    [InlineData(Bundle.Ours, "SCMP_ACT_TRACE", null, "-38\n", 0), InlineData(Bundle.Runc, "SCMP_ACT_TRACE", null, "-38\n", 0)]
    [InlineData(Bundle.Ours, "SCMP_ACT_KILL", null, "", KilledBySys), InlineData(Bundle.Runc, "SCMP_ACT_KILL", null, "", KilledBySys)]
    [InlineData(Bundle.Ours, "SCMP_ACT_KILL_THREAD", null, "", KilledBySys), InlineData(Bundle.Runc, "SCMP_ACT_KILL_THREAD", null, "", KilledBySys)]
    [InlineData(Bundle.Ours, "SCMP_ACT_KILL_PROCESS", null, "", KilledBySys), InlineData(Bundle.Runc, "SCMP_ACT_KILL_PROCESS", null, "", KilledBySys)]
    [InlineData(Bundle.Ours, "SCMP_ACT_TRAP", null, "", KilledBySys), InlineData(Bundle.Runc, "SCMP_ACT_TRAP", null, "", KilledBySys)]
    public void An_action_does_what_it_says(string runtime, string action, uint? errno, string output, int exitCode)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        var result = bundle.Run("exec probe 110", Filter(Allow, new SeccompRule { Names = ["getppid"], Action = action, ErrnoRet = errno }));
        Assert.Equal((output, exitCode), (result.Output, result.ExitCode));
    }

    [Theory]
    [InlineData("SCMP_CMP_EQ", 5ul, 0ul, 5ul, 6ul)]
    [InlineData("SCMP_CMP_NE", 5ul, 0ul, 6ul, 5ul)]
    [InlineData("SCMP_CMP_LT", 5ul, 0ul, 4ul, 5ul)]
    [InlineData("SCMP_CMP_LE", 5ul, 0ul, 5ul, 6ul)]
    [InlineData("SCMP_CMP_GT", 5ul, 0ul, 6ul, 5ul)]
    [InlineData("SCMP_CMP_GE", 5ul, 0ul, 5ul, 4ul)]
    [InlineData("SCMP_CMP_MASKED_EQ", 0xF0ul, 0x20ul, 0x2Ful, 0x3Ful)]
    [InlineData("SCMP_CMP_EQ", 0x100000005ul, 0ul, 0x100000005ul, 5ul)]
    public void A_comparison_holds_as_it_says(string op, ulong value, ulong two, ulong holds, ulong fails)
    {
        foreach (var runtime in new[] { Bundle.Ours, Bundle.Runc })
        {
            using var bundle = new Bundle(runtime);
            Programs.PutProbe(bundle);
            var rule = new SeccompRule { Names = ["getpriority"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 77, Args = [new SeccompArgument { Index = 2, Value = value, ValueTwo = two, Op = op }] };
            var result = bundle.Run($"probe 140 0 0 0x{holds:x}; probe 140 0 0 0x{fails:x}", Filter(Allow, rule));
            Assert.Equal("-77\n20\n", result.Output);
        }
    }

    [Theory, OnBoth]
    public void Conditions_on_different_arguments_must_all_hold(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        SeccompArgument Is(uint index, ulong value) => new() { Index = index, Value = value, Op = "SCMP_CMP_EQ" };
        var rule = new SeccompRule { Names = ["getpriority"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 77, Args = [Is(2, 1), Is(3, 2)] };
        Assert.Equal("20\n20\n-77\n", bundle.Run("probe 140 0 0 1 0; probe 140 0 0 0 2; probe 140 0 0 1 2", Filter(Allow, rule)).Output);
    }

    [Theory, OnBoth]
    public void Of_conditions_on_one_argument_one_is_enough(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        SeccompArgument Is(ulong value) => new() { Index = 2, Value = value, Op = "SCMP_CMP_EQ" };
        var rule = new SeccompRule { Names = ["getpriority"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 77, Args = [Is(1), Is(2)] };
        Assert.Equal("-77\n-77\n20\n", bundle.Run("probe 140 0 0 1; probe 140 0 0 2; probe 140 0 0 3", Filter(Allow, rule)).Output);
    }

    [Theory, OnBoth]
    public void What_no_rule_names_gets_the_default_with_its_errno(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        var profile = DefaultProfile.Seccomp(DefaultProfile.Capabilities);
        var rules = profile.Syscalls.Select(r => r with { Names = [.. r.Names.Except(["getppid"])] }).Where(r => r.Names.Count > 0);
        var result = bundle.Run("probe 110; probe 9999", WithLinux(l => l with { Seccomp = profile with { DefaultErrnoRet = 42, Syscalls = [.. rules] } }));
        // What is newer than the profile does not exist.
        Assert.Equal("-42\n-38\n", result.Output);
    }

    [Theory, OnBoth]
    public void A_32_bit_program_has_its_own_numbers(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe32(bundle);
        // getppid is 64 there, and getpriority 96.
        var rules = new[] { new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 13 } };
        Assert.Equal("-13\n20\n", bundle.Run("probe32 64; probe32 96 0 0", Filter(Allow, rules)).Output);
    }

    [Theory, OnBoth]
    public void The_default_profile_lets_32_bit_programs_run_and_keeps_them_from_mounting(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe32(bundle);
        // getuid32; mount; socketcall with nothing behind its pointer.
        Assert.Equal("0\n-1\n-14\n", bundle.Run("probe32 199; probe32 21 0 0 0 0; probe32 102 1 0").Output);
    }

    [Theory, OnBoth]
    public void A_32_bit_program_is_ended_where_its_architecture_is_not_listed(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe32(bundle);
        var result = bundle.Run("exec probe32 64", WithLinux(l => l with { Seccomp = new SeccompConfig { DefaultAction = Allow, Architectures = ["SCMP_ARCH_X86_64"], Syscalls = [Harmless] } }));
        Assert.Equal(KilledBySys, result.ExitCode);
    }

    [Theory, OnBoth]
    public void Calls_by_x32_numbers_are_filtered_too(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        var rules = new[] { new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 13 } };
        Assert.Equal("-13\n", bundle.Run("probe 0x4000006e", Filter(Allow, rules)).Output);
        var unlisted = bundle.Run("exec probe 0x4000006e", WithLinux(l => l with { Seccomp = new SeccompConfig { DefaultAction = Allow, Architectures = ["SCMP_ARCH_X86_64"], Syscalls = [Harmless] } }));
        Assert.Equal(KilledBySys, unlisted.ExitCode);
    }

    [Theory, OnBoth(RuncLacks = "flags came with 1.1.6")]
    public void The_flags_are_taken(string runtime)
    {
        using var bundle = new Bundle(runtime);
        foreach (var flag in new[] { "LOG", "TSYNC", "SPEC_ALLOW" })
        {
            var seccomp = new SeccompConfig { DefaultAction = Allow, Flags = ["SECCOMP_FILTER_FLAG_" + flag], Syscalls = [Harmless] };
            var result = bundle.Run("grep Seccomp: /proc/self/status", WithLinux(l => l with { Seccomp = seccomp }));
            Assert.Equal(("Seccomp:\t2\n", ""), (result.Output, result.Error));
        }
    }

    [Theory, OnBoth]
    public void An_unknown_action_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        var result = bundle.Run("true", Filter(Allow, new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_MAYBE" }));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("SCMP_ACT_MAYBE", result.Error);
    }

    [Theory, OnBoth(RuncLacks = "passes over an errno that has no use")]
    public void An_errno_without_use_is_refused(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Contains("linux.seccomp.syscalls[0].action", bundle.Run("true", Filter(Allow, new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_KILL", ErrnoRet = 3 })).Error);
    }

    [Theory, OnBoth]
    public void Without_no_new_privileges_the_filter_is_there_too(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.Equal("NoNewPrivs:\t0\nSeccomp:\t2\n", bundle.Run("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status", WithProcess(p => p with { NoNewPrivileges = false })).Output);
    }

    [Theory, OnBoth]
    public async Task An_agent_gets_the_notifications(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        var path = Path.Combine(bundle.Path, "agent");
        using var listener = Listen(path);
        var state = AcceptAsync(listener);
        var result = bundle.Run("probe 110", Notifying(path));
        Assert.Equal("-38\n", result.Output);
        using var json = JsonDocument.Parse(await state);
        Assert.Equal("seccompFd", json.RootElement.GetProperty("fds")[0].GetString());
        Assert.Equal("data", json.RootElement.GetProperty("metadata").GetString());
        Assert.Equal(bundle.LastId, json.RootElement.GetProperty("state").GetProperty("id").GetString());
    }

    [Theory, OnBoth]
    public async Task An_agent_gets_those_of_a_command_that_joins_too(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Programs.PutProbe(bundle);
        var path = Path.Combine(bundle.Path, "agent");
        var id = bundle.Configure("exec sleep 1000", Notifying(path));
        using (var listener = Listen(path))
        {
            var created = AcceptAsync(listener);
            Assert.Equal(0, bundle.Create(id).ExitCode);
            await created;
            Assert.Equal(0, bundle.Runtime(["start", id]).ExitCode);
            var state = AcceptAsync(listener);
            Assert.Equal("-38\n", bundle.Exec(id, "probe", "110").Output);
            using var json = JsonDocument.Parse(await state);
            Assert.Equal(("data", "running"), (json.RootElement.GetProperty("metadata").GetString(), json.RootElement.GetProperty("state").GetProperty("status").GetString()));
            Assert.NotEqual(json.RootElement.GetProperty("pid").GetInt32(), json.RootElement.GetProperty("state").GetProperty("pid").GetInt32());
        }
        var refused = bundle.Exec(id, "echo", "ran");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Equal("", refused.Output);
    }

    [Fact]
    public async Task An_agent_gets_those_of_a_hook_in_the_container_too()
    {
        using var bundle = new Bundle();
        Programs.PutProbe(bundle);
        var path = Path.Combine(bundle.Path, "agent");
        using var listener = Listen(path);
        var states = AcceptAsync(listener, 2);
        var hook = new HookConfig { Path = "/bin/sh", Args = ["sh", "-c", "probe 110 > /data/hook"], Env = ["PATH=/bin"] };
        Assert.Equal("-38\n", bundle.Run("probe 110", All(Notifying(path), c => c with { Hooks = new HooksConfig { StartContainer = [hook] } })).Output);
        Assert.Equal("-38\n", File.ReadAllText(Path.Combine(bundle.Rootfs, "data/hook")));
        await states;
    }

    private static Socket Listen(string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        return listener;
    }

    // The agent takes the state and closes the descriptor: then the calls that it would decide on do not exist.
    private static Task<string> AcceptAsync(Socket listener, int count = 1) => Task.Run(
        () =>
        {
            var text = "";
            for (; count > 0; count--)
            {
                using var connection = listener.Accept();
                var buffer = new byte[65536];
                for (int received; (received = connection.Receive(buffer)) > 0;)
                    text += Encoding.UTF8.GetString(buffer, 0, received);
            }
            return text;
        }, TestContext.Current.CancellationToken);

    private static Func<RuntimeConfig, RuntimeConfig> Notifying(string path) => WithLinux(l => l with
    {
        Seccomp = new SeccompConfig
        {
            DefaultAction = Allow, ListenerPath = path, ListenerMetadata = "data",
            Syscalls = [new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_NOTIFY" }],
        },
    });

    [Theory, OnBoth]
    public void Notifications_need_somebody_to_get_them(string runtime)
    {
        using var bundle = new Bundle(runtime);
        Assert.NotEqual(0, bundle.Run("true", Filter(Allow, new SeccompRule { Names = ["getppid"], Action = "SCMP_ACT_NOTIFY" })).ExitCode);
    }

    // Runc wants one rule at least.
    private static SeccompRule Harmless => new() { Names = ["acct"], Action = "SCMP_ACT_ERRNO" };

    private static Func<RuntimeConfig, RuntimeConfig> Filter(string defaultAction, params SeccompRule[] rules) => WithLinux(l => l with
    {
        Seccomp = new SeccompConfig { DefaultAction = defaultAction, Architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], Syscalls = rules },
    });
}
