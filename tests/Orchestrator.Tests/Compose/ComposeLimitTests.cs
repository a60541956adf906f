using System.Text;
using CsCheck;
using Orchestrator.Compose;
using Xunit;

namespace Orchestrator.Tests.Compose;

public sealed class ComposeLimitTests
{
    [Fact]
    public void A_file_of_50_MB_is_refused_by_its_size_without_reading_it()
    {
        using var untouched = new Unreadable(50_000_000);
        var error = Assert.Single(ComposeLoader.Load("big.yaml", "/srv/x", p => p == "big.yaml" ? untouched : null, new Dictionary<string, string>()).Errors);
        Assert.Equal("big.yaml: is too large: 47.68 MiB; at most 1 MiB are accepted", error.ToString());
    }

    [Fact]
    public void Too_much_from_a_pipe_is_refused_as_well()
    {
        var error = Assert.Single(Load(new string('#', 1 << 20) + "\n").Errors);
        Assert.Contains("is too large", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("- ")]
    [InlineData("{a: ")]
    public void Deep_nesting_is_refused_not_a_stack_overflow(string open)
    {
        var text = string.Concat(Enumerable.Repeat(open, 100_000));
        Assert.Contains("nested deeper than 64 levels", Assert.Single(Load(text).Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_services_that_extend_a_large_one_are_refused_before_they_are_made()
    {
        var large = string.Concat(Enumerable.Repeat("a,", 10_000));
        var text = $"services:\n  base: {{ image: x, x-own: [{large}] }}\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"  s{i}: {{ extends: base, x-own: [b] }}\n"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("becomes more than 200000 values", Assert.Single(Load(text).Errors).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 150_000_000);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused()
    {
        var result = ComposeLoader.Load("x.yaml", "/srv/x", p => p == "x.yaml" ? new MemoryStream([0xff, 0xfe, 0]) : null, new Dictionary<string, string>());
        Assert.Equal("x.yaml: is not UTF-8 text", Assert.Single(result.Errors).ToString());
    }

    [Fact]
    public void A_missing_file_and_one_that_cannot_be_read_are_errors()
    {
        Assert.Equal("x.yaml: there is no such file", Assert.Single(ComposeLoader.Load("x.yaml", "/srv/x", _ => null, new Dictionary<string, string>()).Errors).ToString());
        Func<string, Stream?> denied = _ => throw new UnauthorizedAccessException("denied");
        Assert.Contains(ComposeLoader.Load("x.yaml", "/srv/x", denied, new Dictionary<string, string>()).Errors, e => e.Message == "cannot be read: denied");
    }

    [Fact]
    public void A_control_character_that_no_process_can_be_given_is_refused() =>
        Assert.Contains("NUL", Assert.Single(Load("services: { a: { image: x, environment: { A: \"a\\0b\" } } }").Errors).Message, StringComparison.Ordinal);

    [Fact]
    public void The_stack_name_comes_from_the_call_then_the_environment_then_the_file_then_the_directory()
    {
        const string named = "name: of-file\nservices: { a: { image: x } }";
        const string unnamed = "services: { a: { image: x } }";
        var environment = new Dictionary<string, string> { ["COMPOSE_PROJECT_NAME"] = "of-environment" };
        Assert.Equal("given", Load(named, environment, "given").Spec!.Name);
        Assert.Equal("of-environment", Load(named, environment).Spec!.Name);
        Assert.Equal("of-file", Load(named).Spec!.Name);
        Assert.Equal("my-app", Load(unnamed).Spec!.Name);
    }

    [Fact]
    public void Any_text_is_answered_with_a_spec_or_with_errors_and_never_throws()
    {
        string[] pieces =
        [
            "services:", "\n", "  ", "- ", ": ", "web", "image: x", "&a ", "*a", "<<: *a", "[", "]", "{", "}", ",", "\"", "'", "|", ">", "\t", "#", "${A:-", "}", "$",
            "ports:", "8080:80", "x-", "---\n", "...", "!tag ", "!!str ", "deploy:", "replicas: 3", "?", "\0", "\ud800", "é", "\u2028", "volumes:", "/a:/b", "%YAML 9.9\n", "null",
            "networks:", "healthcheck:", "test:", "depends_on:", "env_file:", "command:", "environment:", "\r", "@", "`", "\ufeff", "name:", "labels:", "1e400", "tmpfs:", "\\x", "|9-",
            "!reset ", "!override ", "extends: ", "include: ", "profiles: ", "x.yaml", "service: ", "file: ", "path: ", "sysctls:", "ulimits:", "devices:", "extra_hosts:", "logging:",
        ];
        Gen.OneOf(pieces).List[0, 40].Select(string.Concat).Sample(AnswersSomething, iter: 3_000);
        Gen.Char.Array[0, 60].Select(c => new string(c)).Sample(AnswersSomething, iter: 1_000);
    }

    [Fact]
    public void A_good_file_with_any_damage_is_answered_with_a_spec_or_with_errors()
    {
        var good = File.ReadAllText(Path.Combine(SourceTree.Root, "tests/Orchestrator.Tests/Compose/Goldens/every-key.yaml"));
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 30], Gen.OneOf("", "\n", ": ", "- ", "[", "{", "\"", "*defaults", "\t", "9", "null", "${", "\0"))
            .Sample((at, length, inserted) => AnswersSomething(good[..at] + inserted + good[Math.Min(good.Length, at + length)..]), iter: 300);
    }

    [Fact]
    public void Good_files_with_any_damage_laid_over_each_other_are_answered_and_what_is_printed_reads_as_the_same()
    {
        string[] goods = [.. new[] { "every-key", "machine-keys" }.Select(n => File.ReadAllText(Path.Combine(SourceTree.Root, $"tests/Orchestrator.Tests/Compose/Goldens/{n}.yaml")))];
        var beside = Path.Combine(SourceTree.Root, "tests/Orchestrator.Tests/Compose/Goldens/beside");
        Gen.Select(Gen.Int[0, goods.Min(g => g.Length) - 1], Gen.Int[0, 30], Gen.OneOf("", "\n", "!reset ", "!override ", "[", "*defaults", "null", "${A:-b}", "$$", "'", "extends: none, "), Gen.Bool)
            .Sample((at, length, inserted, first) =>
            {
                var damaged = goods.Select((g, i) => (i == 0) == first ? g[..at] + inserted + g[Math.Min(g.Length, at + length)..] : g).ToList();
                Stream? Open(string path) => path is "0.yaml" or "1.yaml" ? new MemoryStream(Encoding.UTF8.GetBytes(damaged[path[0] - '0']))
                    : File.Exists(Path.Combine(beside, Path.GetFileName(path))) ? File.OpenRead(Path.Combine(beside, Path.GetFileName(path))) : null;
                var result = ComposeLoader.Load(new ComposeRequest("/srv/x", Open, new Dictionary<string, string>()) { Files = ["0.yaml", "1.yaml"] });
                if (result.Document?.ToYaml() is not { } printed)
                    return result.Spec is null && result.Errors.Count > 0;
                var again = ComposeLoader.Load("p.yaml", "/elsewhere", p => p == "p.yaml" ? new MemoryStream(Encoding.UTF8.GetBytes(printed)) : Open(p), new Dictionary<string, string>());
                return result.Spec!.Equals(again.Spec);
            }, iter: 300);
    }

    [Fact]
    public void A_large_service_that_many_extend_is_refused_before_it_is_written_out()
    {
        var large = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"a{i}"));
        var many = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"  s{i}: {{ extends: base }}\n"));
        Assert.Equal(
            "x.yaml: becomes more than 200000 values with what it extends and includes",
            Assert.Single(Load($"services:\n  base: {{ image: x, x-large: [{large}] }}\n{many}").Errors).ToString());
    }

    [Fact]
    public void A_long_row_of_extends_is_refused_not_a_stack_overflow() => Assert.Contains(
        Load("services:\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"  s{i}: {{ image: x, extends: s{i + 1} }}\n"))).Errors,
        e => e.Message == "extends more than 32 services, each the next");

    private static bool AnswersSomething(string text)
    {
        var result = Load(text);
        return (result.Spec is null) == (result.Errors.Count > 0);
    }

    private static ComposeResult Load(string text, Dictionary<string, string>? environment = null, string? name = null) =>
        ComposeLoader.Load("x.yaml", "/srv/My App".Replace(' ', '-'), p => p == "x.yaml" ? new MemoryStream(Encoding.UTF8.GetBytes(text)) : null, environment ?? [], name);

    private sealed class Unreadable(long length) : MemoryStream
    {
        public override long Length => length;

        public override int Read(Span<byte> buffer) => throw new InvalidOperationException("was read");

        public override int Read(byte[] buffer, int offset, int count) => throw new InvalidOperationException("was read");
    }
}
