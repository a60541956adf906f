using System.Xml.Linq;
using Xunit;

namespace Orchestrator.Tests;

/// <summary>Tests about the code itself: the rooms keep their walls, files stay readable, nothing is left behind.</summary>
public sealed class TidyTests
{
    private static readonly Dictionary<string, string[]> s_allowedReferences = new()
    {
        ["Model"] = [],
        ["Oci"] = [],
        ["Linux"] = [],
        ["Keeping"] = [],
        ["Compose"] = ["Model"],
        ["Transport"] = ["Model"],
        ["Control"] = ["Model", "Oci", "Transport"],
        ["Engine"] = ["Oci", "Linux", "Keeping"],
        ["Agent"] = ["Engine", "Oci", "Linux", "Model", "Transport"],
        ["Runtime"] = ["Oci", "Linux", "Keeping"],
        ["Cli"] = ["Compose", "Model", "Oci", "Transport"],
        ["Daemon"] = ["Control", "Agent", "Engine", "Oci", "Linux", "Model", "Transport"],
    };

    [Fact]
    public void Rooms_reference_only_what_the_design_allows()
    {
        foreach (var project in Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            var room = Room(project);
            var references = XDocument.Load(project).Descendants("ProjectReference").Select(r => Room(r.Attribute("Include")!.Value));
            Assert.Empty(references.Except(s_allowedReferences[room]).Select(r => $"{room} -> {r}"));
        }
    }

    [Fact]
    public void No_file_is_longer_than_600_lines() =>
        Assert.Empty(Sources().Where(f => File.ReadLines(f).Count() > 600).Select(Path.GetFileName));

    [Fact]
    public void Nothing_is_left_behind()
    {
        string[] leftovers = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Exception", "#reg" + "ion"];
        Assert.Empty(Sources().Where(f => leftovers.Any(File.ReadAllText(f).Contains)).Select(Path.GetFileName));
    }

    [Fact]
    public void Names_say_what_a_file_is()
    {
        string[] banned = ["Manager", "Helper", "Helpers", "Utils", "Util", "Misc", "Common"];
        Assert.Empty(Sources().Where(f => banned.Any(Path.GetFileNameWithoutExtension(f).EndsWith)).Select(Path.GetFileName));
    }

    private static string Root => SourceTree.Root;

    private static string Room(string project) => Path.GetFileNameWithoutExtension(project).Replace("Orchestrator.", "", StringComparison.Ordinal);

    private static IEnumerable<string> Sources() =>
        new[] { "src", "tests", "integration" }.Select(d => Path.Combine(Root, d)).Where(Directory.Exists)
            .SelectMany(d => Directory.EnumerateFiles(d, "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));
}
