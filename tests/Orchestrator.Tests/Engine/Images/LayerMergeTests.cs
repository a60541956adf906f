using System.Formats.Tar;
using System.Text;
using CsCheck;
using Orchestrator.Linux;
using Orchestrator.Tests.Oci;
using Xunit;

namespace Orchestrator.Tests.Engine.Images;

/// <summary>The law of layers: what overlayfs shows of the unpacked layers is what the steps that made them left behind.</summary>
public sealed class LayerMergeTests
{
    private enum Action
    {
        PutFile,
        PutDirectory,
        PutLink,
        Remove,
        Replace,
    }

    private sealed record Step(string Path, Action Action, int Value);

    /// <param name="Content">Of a file, or the target of a link; empty for a directory.</param>
    private sealed record Node(FileKind Kind, int Mode, string Content);

    private static readonly Gen<string> s_path = Gen.OneOf("a", "b", "c", "d e", ".h").Array[1, 3].Select(p => string.Join('/', p));
    private static readonly Gen<Step[][]> s_layers = Gen.Select(s_path, Gen.Enum<Action>(), Gen.Int[0, 7], (p, a, v) => new Step(p, a, v)).Array[1, 8].Array[1, 5];

    [Fact]
    public async Task The_merged_view_of_random_layers_is_the_model()
    {
        using var store = new TemporaryStore();
        await s_layers.SampleAsync(async layers =>
        {
            var tree = new SortedDictionary<string, Node>(StringComparer.Ordinal);
            var tars = new List<byte[]>();
            foreach (var steps in layers)
            {
                var before = new SortedDictionary<string, Node>(tree, StringComparer.Ordinal);
                var replaced = new HashSet<string>();
                foreach (var step in steps)
                    Apply(tree, step, replaced);
                tars.Add(TestImage.Tar(Difference(before, tree, replaced)));
            }
            var image = await store.LoadAsync(TestImage.Of([.. tars]));
            Assert.Equal(tree.Select(n => $"{n.Key} {n.Value}"), Merged(store, image.LayerDirectories));
            store.Store.Remove(image.Digest);
        }, iter: 60, threads: 1);
        Assert.Empty(store.Content);
    }

    private static void Apply(SortedDictionary<string, Node> tree, Step step, HashSet<string> replaced)
    {
        var parent = Path.GetDirectoryName(step.Path)!;
        if (parent.Length > 0 && tree.GetValueOrDefault(parent)?.Kind != FileKind.Directory)
            return;
        var old = tree.GetValueOrDefault(step.Path);
        if (step.Action == Action.PutDirectory && old?.Kind == FileKind.Directory)
        {
            tree[step.Path] = old with { Mode = Mode(step) };
            return;
        }
        foreach (var gone in tree.Keys.Where(k => k == step.Path || k.StartsWith(step.Path + "/", StringComparison.Ordinal)).ToList())
            tree.Remove(gone);
        replaced.Add(step.Path);
        if (step.Action != Action.Remove)
            tree[step.Path] = step.Action switch
            {
                Action.PutFile => new Node(FileKind.Regular, Mode(step), $"{step}"),
                Action.PutLink => new Node(FileKind.SymbolicLink, 0x1FF, $"../target {step.Value}"),
                _ => new Node(FileKind.Directory, Mode(step), ""),
            };
    }

    private static int Mode(Step step) => step.Value switch { 0 => 0x9ED, 1 => 0x3FF, 2 => 0, var v => 0x180 + v };

    /// <summary>The tar by which the second tree comes of the first. A directory that was made anew hides the old one, in one of the ways known.</summary>
    private static IEnumerable<TarEntry> Difference(SortedDictionary<string, Node> before, SortedDictionary<string, Node> after, HashSet<string> replaced)
    {
        var touched = after.Where(n => before.GetValueOrDefault(n.Key) != n.Value || replaced.Contains(n.Key)).Select(n => n.Key).ToHashSet();
        var removed = before.Keys.Where(k => !after.ContainsKey(k) && Parent(k) is var p && (p.Length == 0 || after.GetValueOrDefault(p)?.Kind == FileKind.Directory)).ToList();
        foreach (var path in touched.Concat(removed).ToList())
        {
            for (var parent = Parent(path); parent.Length > 0; parent = Parent(parent))
                touched.Add(parent);
        }
        foreach (var path in touched.Where(after.ContainsKey).Order(StringComparer.Ordinal))
        {
            var node = after[path];
            var anew = replaced.Contains(path) && node.Kind == FileKind.Directory && before.ContainsKey(path);
            if (anew && path.Length % 2 == 0)
                yield return TestImage.FileEntry(Whiteout(path));
            yield return Entry(path, node);
            if (anew && path.Length % 2 != 0)
                yield return TestImage.FileEntry(path + "/.wh..wh..opq");
        }
        foreach (var path in removed)
            yield return TestImage.FileEntry(Whiteout(path));
    }

    private static PaxTarEntry Entry(string path, Node node) => node.Kind switch
    {
        FileKind.Directory => TestImage.DirectoryEntry(path, node.Mode),
        FileKind.SymbolicLink => TestImage.LinkEntry(TarEntryType.SymbolicLink, path, node.Content),
        _ => TestImage.FileEntry(path, node.Content, node.Mode),
    };

    private static string Parent(string path) => Path.GetDirectoryName(path)!;

    private static string Whiteout(string path) => Path.Combine(Parent(path), ".wh." + Path.GetFileName(path));

    private static List<string> Merged(TemporaryStore store, IReadOnlyList<string> layers)
    {
        // With one layer alone overlayfs wants a second one.
        var empty = store.Directory.CreateSubdirectory("empty").FullName;
        var target = store.Directory.CreateSubdirectory("merged").FullName;
        Mounts.Mount("overlay", target, "overlay", MountFlags.ReadOnly, $"lowerdir={string.Join(':', layers.Append(empty))}");
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(target, "*", SearchOption.AllDirectories)
                .Select(p => (Name: Path.GetRelativePath(target, p), Path: p)).OrderBy(p => p.Name, StringComparer.Ordinal)
                .Select(p => $"{p.Name} {Read(p.Path)}")];
        }
        finally
        {
            Mounts.Unmount(target);
        }
    }

    private static Node Read(string path)
    {
        var status = FileSystem.Status(path)!.Value;
        var content = status.Kind switch { FileKind.Regular => File.ReadAllText(path, Encoding.UTF8), FileKind.SymbolicLink => new FileInfo(path).LinkTarget!, _ => "" };
        return new Node(status.Kind, (int)status.Permissions, content);
    }
}
