using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Orchestrator.Compose;
using Xunit;

namespace Orchestrator.Tests.Compose;

/// <summary>
/// Each Goldens/*.yaml with what becomes of it, beside it in *.txt. GOLDEN=write rewrites the expectations: the difference is the review.
/// </summary>
public sealed class ComposeGoldenTests
{
    private static readonly string s_goldens = Path.Combine(SourceTree.Root, "tests/Orchestrator.Tests/Compose/Goldens");

    private static readonly Dictionary<string, string> s_environment = new() { ["TAG"] = "7.2", ["EMPTY"] = "", ["HOME"] = "/root", ["PASSED_ON"] = "yes" };

    public static TheoryData<string> Names { get; } = [.. Directory.GetFiles(s_goldens, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)!).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_becomes_what_is_written_beside_it(string name)
    {
        var actual = Render(ComposeLoader.Load($"{name}.yaml", "/srv/hits", Open, s_environment));
        var expectation = Path.Combine(s_goldens, $"{name}.txt");
        if (Environment.GetEnvironmentVariable("GOLDEN") == "write")
            File.WriteAllText(expectation, actual);
        Assert.Equal(File.ReadAllText(expectation), actual);
    }

    /// <summary>The service keys of the Compose specification, by its schema of June 2026.</summary>
    public static TheoryData<string> ServiceKeys { get; } =
    [
        .. """
           annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count cpu_percent cpu_period cpu_quota
           cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname
           entrypoint env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links
           logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform
           ports post_start pre_start pre_stop privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size
           stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
           """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries),
    ];

    private static readonly List<string> s_texts = [.. Directory.GetFiles(s_goldens, "*.yaml").Concat(Directory.GetFiles(Path.Combine(s_goldens, ".."), "*.cs")).Select(File.ReadAllText)];

    /// <summary>Honoured, warned about, or refused by name with a way out: but known.</summary>
    [Theory]
    [MemberData(nameof(ServiceKeys))]
    public void Every_key_of_the_specification_is_known_and_in_a_test(string key)
    {
        Assert.Contains(s_texts, t => Regex.IsMatch(t, $@"\b{key}: *[^;]"));
        var text = Encoding.UTF8.GetBytes($"services:\n  a:\n    image: x\n    {key}: ''\n");
        var result = ComposeLoader.Load("x.yaml", "/srv/x", p => p == "x.yaml" ? new MemoryStream(text) : null, s_environment);
        Assert.DoesNotContain(result.Errors, e => e.Message.StartsWith("unknown key", StringComparison.Ordinal));
    }

    // Files beside the compose file lie in Goldens/beside.
    private static FileStream? Open(string path)
    {
        var file = path.StartsWith("/srv/hits/", StringComparison.Ordinal) ? Path.Combine(s_goldens, "beside", path["/srv/hits/".Length..]) : Path.Combine(s_goldens, path);
        return File.Exists(file) ? File.OpenRead(file) : null;
    }

    private static string Render(ComposeResult result) =>
        string.Concat(result.Errors.Select(e => $"error {e}\n"))
        + string.Concat(result.Warnings.Select(w => $"warning {w}\n"))
        + (result.Spec is null ? "" : new JsonFormatter(JsonFormatter.Settings.Default.WithIndentation()).Format(result.Spec).ReplaceLineEndings("\n") + "\n");
}
