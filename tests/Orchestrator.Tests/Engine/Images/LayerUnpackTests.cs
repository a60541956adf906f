using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using Orchestrator.Linux;
using Orchestrator.Tests.Oci;
using Xunit;
using static Orchestrator.Tests.Oci.TestImage;

namespace Orchestrator.Tests.Engine.Images;

public sealed class LayerUnpackTests : IDisposable
{
    private readonly TemporaryStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_tree_by_gnu_tar_is_unpacked_exactly()
    {
        var source = _store.Directory.CreateSubdirectory("source").FullName;
        MakeRichTree(source);
        using var tar = Process.Start(new ProcessStartInfo("tar", ["--format=posix", "--xattrs", "--xattrs-include=*", "--sparse", "-cf", source + ".tar", "-C", source, "."]))!;
        await tar.WaitForExitAsync(TestContext.Current.CancellationToken);
        var layer = await _store.UnpackAsync(await File.ReadAllBytesAsync(source + ".tar", TestContext.Current.CancellationToken));
        Assert.Equal(Describe(source), Describe(layer));
        Assert.Equal(FileSystem.Status(layer + "/file")!.Value.Inode, FileSystem.Status(layer + "/dir/hard")!.Value.Inode);
        Assert.True(new FileInfo(layer + "/sparse").Length == 1 << 20);
    }

    [Fact]
    public async Task Whiteouts_become_overlayfs_own()
    {
        var layer = await _store.UnpackAsync(Tar(DirectoryEntry("d"), FileEntry("d/.wh..wh..opq"), FileEntry("d/kept"), FileEntry(".wh.gone"), FileEntry(".wh..wh.plnk")));
        Assert.Equal("y"u8.ToArray(), ExtendedAttributes.Get(layer + "/d", "trusted.overlay.opaque"));
        var gone = FileSystem.Status(layer + "/gone")!.Value;
        Assert.Equal((FileKind.CharacterDevice, 0ul), (gone.Kind, gone.DeviceOfNode));
        Assert.Equal(["d", "gone"], Directory.EnumerateFileSystemEntries(layer).Select(Path.GetFileName).Order());
        Assert.Equal(["kept"], Directory.EnumerateFileSystemEntries(layer + "/d").Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_whiteout_hides_what_is_below_not_what_its_own_layer_brings(bool whiteoutFirst)
    {
        TarEntry[] bring = [DirectoryEntry("d"), FileEntry("d/f"), FileEntry("g", "new")];
        TarEntry[] hide = [FileEntry(".wh.d"), FileEntry(".wh.g")];
        var layer = await _store.UnpackAsync(Tar(whiteoutFirst ? [.. hide, .. bring] : [.. bring, .. hide]));
        Assert.True(File.Exists(layer + "/d/f"));
        Assert.Equal("new", File.ReadAllText(layer + "/g"));
        Assert.NotNull(ExtendedAttributes.Get(layer + "/d", "trusted.overlay.opaque"));
    }

    [Fact]
    public async Task A_later_entry_of_the_same_name_replaces_the_earlier()
    {
        var layer = await _store.UnpackAsync(Tar(
            LinkEntry(TarEntryType.SymbolicLink, "a", "/etc/passwd"), FileEntry("a", "mine"),
            DirectoryEntry("b"), FileEntry("b/c"), FileEntry("b", "file"),
            FileEntry("e"), DirectoryEntry("e"), FileEntry("e/f"), FileEntry("x", "1"), LinkEntry(TarEntryType.HardLink, "x", "x")));
        Assert.Equal("mine", File.ReadAllText(layer + "/a"));
        Assert.Null(new FileInfo(layer + "/a").LinkTarget);
        Assert.Equal("file", File.ReadAllText(layer + "/b"));
        Assert.True(File.Exists(layer + "/e/f"));
        Assert.Equal("1", File.ReadAllText(layer + "/x"));
    }

    [Fact]
    public async Task Directories_that_the_tar_leaves_out_are_made()
    {
        var layer = await _store.UnpackAsync(Tar(FileEntry("a/b/c", "1"), FileEntry("./a//d", "2")));
        Assert.Equal(0x1EDu, FileSystem.Status(layer + "/a/b")!.Value.Permissions);
        Assert.Equal("2", File.ReadAllText(layer + "/a/d"));
    }

    [Fact]
    public async Task Links_lead_inside_the_layer_only()
    {
        var victim = _store.Directory.CreateSubdirectory("victim").FullName;
        var layer = await _store.UnpackAsync(Tar(
            DirectoryEntry("tmp"), DirectoryEntry("in"), LinkEntry(TarEntryType.SymbolicLink, "root", "/"), LinkEntry(TarEntryType.SymbolicLink, "up", "../../../.."),
            LinkEntry(TarEntryType.SymbolicLink, "loop", "in"), FileEntry("root/tmp/evil", "1"), FileEntry("up/tmp/evil2", "2"), FileEntry("loop/f", "3"),
            LinkEntry(TarEntryType.HardLink, "hard", "up/tmp/evil")));
        Assert.Equal("1", File.ReadAllText(layer + "/tmp/evil"));
        Assert.Equal("2", File.ReadAllText(layer + "/tmp/evil2"));
        Assert.Equal("3", File.ReadAllText(layer + "/in/f"));
        Assert.False(File.Exists("/tmp/evil") || File.Exists("/tmp/evil2"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(victim));
    }

    public static TheoryData<string, TarEntry[]> Attacks()
    {
        var outside = "/tmp/orc-attack-" + Guid.NewGuid();
        return new TheoryData<string, TarEntry[]>
        {
            { "contains \"..\"", [FileEntry("../evil")] },
            { "contains \"..\"", [FileEntry("a/../../evil")] },
            { "contains \"..\"", [LinkEntry(TarEntryType.HardLink, "a", "../../../../../etc/passwd")] },
            { "which this layer does not have", [LinkEntry(TarEntryType.HardLink, "a", "/etc/passwd")] },
            { "which this layer does not have", [LinkEntry(TarEntryType.SymbolicLink, "l", "/etc"), LinkEntry(TarEntryType.HardLink, "a", "l/passwd")] },
            { "leads nowhere", [LinkEntry(TarEntryType.SymbolicLink, "l", outside), FileEntry("l/evil")] },
            { "is not a directory", [FileEntry("f"), FileEntry("f/evil")] },
            { "a whiteout of nothing", [FileEntry(".wh...")] },
            { "root of a layer", [LinkEntry(TarEntryType.SymbolicLink, "./", "/etc")] },
        };
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task An_attack_is_refused_and_leaves_nothing(string why, TarEntry[] entries)
    {
        Assert.Contains(why, await _store.RefusalAsync(Tar(entries)), StringComparison.Ordinal);
        Assert.Empty(_store.Content);
    }

    [Fact]
    public async Task A_layer_cannot_speak_to_overlayfs_itself()
    {
        var pax = new Dictionary<string, string> { ["SCHILY.xattr.trusted.overlay.redirect"] = "/secret", ["SCHILY.xattr.user.fine"] = "yes" };
        var layer = await _store.UnpackAsync(Tar(FileEntry("f", "", 0x1A4, pax)));
        Assert.Equal(["user.fine"], ExtendedAttributes.List(layer + "/f").Where(n => n != "security.selinux"));
    }

    [Fact]
    public async Task A_very_deep_tree_is_unpacked_and_removed()
    {
        var entries = new List<TarEntry>();
        var deep = string.Concat(Enumerable.Repeat("d/", 600));
        entries.Add(FileEntry(deep + "f"));
        entries.Add(LinkEntry(TarEntryType.SymbolicLink, "short", deep));
        entries.Add(FileEntry("short/" + deep + "f"));
        var image = await _store.LoadAsync(Of(Tar(entries)));
        Assert.True(_store.Store.Remove(image.Digest));
        Assert.Empty(_store.Content);
    }

    private static void MakeRichTree(string root)
    {
        Directory.CreateDirectory(root + "/dir/sub");
        File.WriteAllText(root + "/file", "content");
        FileSystem.ChangeOwner(root + "/file", 1000, 2000);
        FileSystem.ChangeMode(root + "/file", 0x9ED);
        FileSystem.MakeHardLink(root + "/file", root + "/dir/hard");
        FileSystem.MakeSymbolicLink("../file", root + "/dir/soft");
        FileSystem.ChangeOwner(root + "/dir/soft", 7, 8);
        FileSystem.MakeNode(root + "/null", FileKind.CharacterDevice, 0x1B6, FileSystem.DeviceNumber(1, 3));
        FileSystem.MakeNode(root + "/disk", FileKind.BlockDevice, 0x180, FileSystem.DeviceNumber(259, 300));
        FileSystem.MakeNode(root + "/pipe", FileKind.Fifo, 0x1A4);
        File.WriteAllText(root + "/capable", "x");
        // VFS_CAP_REVISION_2 with CAP_NET_BIND_SERVICE permitted: no valid UTF-8 once bits are set higher up.
        ExtendedAttributes.Set(root + "/capable", "security.capability", [1, 0, 0, 2, 0, 4, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        ExtendedAttributes.Set(root + "/dir", "user.note", [0xff, 0, 1]);
        File.WriteAllText($"{root}/{new string('n', 200)}é", "long");
        using (var sparse = File.Create(root + "/sparse"))
        {
            sparse.SetLength(1 << 20);
            sparse.Position = 500_000;
            sparse.Write("island"u8);
        }
        FileSystem.ChangeMode(root + "/dir", 0x3FF);
        foreach (var path in new[] { "/file", "/dir/soft", "/dir/sub", "/dir", "" })
            FileSystem.SetTimes(root + path, 1_000_000_000, 123_456_789);
    }

    private static List<string> Describe(string root) =>
        [.. Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories).Append(root).Order(StringComparer.Ordinal).Select(p => Describe(root, p))];

    private static string Describe(string root, string path)
    {
        var s = FileSystem.Status(path)!.Value;
        var content = s.Kind == FileKind.Regular ? Orchestrator.Oci.Digest.Of(File.ReadAllBytes(path)).Hex : new FileInfo(path).LinkTarget;
        var attributes = string.Join(",", ExtendedAttributes.List(path).Where(n => n != "security.selinux").Order().Select(n => n + "=" + Convert.ToHexString(ExtendedAttributes.Get(path, n)!)));
        return $"{Path.GetRelativePath(root, path)} {s.Kind} {Convert.ToString(s.Permissions, 8)} {s.Uid}:{s.Gid} {s.Links} {s.DeviceOfNode} {s.ModifiedSeconds}.{s.ModifiedNanoseconds} {content} {attributes}";
    }
}
