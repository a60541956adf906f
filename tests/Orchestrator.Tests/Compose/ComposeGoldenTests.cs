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
