using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Volumes;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Engine.Volumes;

public sealed class LayerViewTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orc-layers-").FullName;

    private LayerView View => new([Path.Combine(_directory, "top"), Path.Combine(_directory, "middle"), Path.Combine(_directory, "base")]);

    private VolumeStore Store => new(Path.Combine(_directory, "volumes"));

    public LayerViewTests()
    {
        foreach (var layer in new[] { "top", "middle", "base" })
            Directory.CreateDirectory(Path.Combine(_directory, layer));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_topmost_file_is_the_one_that_is_seen()
    {
        Write("base/etc/passwd", "old");
        Write("middle/etc/passwd", "new");
        Assert.Equal("new", View.ReadText("/etc/passwd"));
        Assert.Null(View.ReadText("/etc/group"));
    }

    [Fact]
    public void Links_are_followed_inside_the_image()
    {
        Write("base/usr/lib/os", "here");
        File.CreateSymbolicLink(Path.Combine(_directory, "middle", "lib"), "/usr/lib");
        File.CreateSymbolicLink(Path.Combine(_directory, "base/usr/lib/alias"), "../../../../../usr/lib/os");
        File.CreateSymbolicLink(Path.Combine(_directory, "base/loop"), "loop");
        Assert.Equal("here", View.ReadText("/lib/os"));
        Assert.Equal("here", View.ReadText("/lib/alias"));
        Assert.Null(View.ReadText("/loop"));
    }

    [Fact]
    public void Whiteouts_and_opaque_directories_hide_what_is_below()
    {
        RequireRoot();
        Write("base/data/gone", "x");
        Write("base/data/kept", "x");
        Write("base/other/hidden", "x");
        Write("top/other/shown", "x");
        Directory.CreateDirectory(Path.Combine(_directory, "middle/data"));
        FileSystem.MakeNode(Path.Combine(_directory, "middle/data/gone"), FileKind.CharacterDevice, 0);
        ExtendedAttributes.Set(Path.Combine(_directory, "top/other"), "trusted.overlay.opaque", "y"u8);
        Assert.Null(View.Find("/data/gone"));
        Assert.Null(View.Find("/other/hidden"));
        Assert.Equal(["kept"], View.Children("/data").Select(c => c.Name));
        Assert.Equal(["shown"], View.Children("/other").Select(c => c.Name));
    }

    [Fact]
    public void A_new_volume_is_filled_once_with_what_the_image_has_there()
    {
        RequireRoot();
        Write("base/data/a", "from base");
        Write("middle/data/sub/b", "from middle");
        File.CreateSymbolicLink(Path.Combine(_directory, "middle/data/link"), "a");
        FileSystem.ChangeOwner(Path.Combine(_directory, "middle/data"), 999, 998);
        FileSystem.ChangeMode(Path.Combine(_directory, "middle/data"), 0x1e8);
        var volume = Store.Ensure("stack_data", View, "/data");
        Assert.Equal("from base", File.ReadAllText(Path.Combine(volume, "link")));
        Assert.Equal("from middle", File.ReadAllText(Path.Combine(volume, "sub/b")));
        Assert.Equal((999u, 998u, 0x1e8u), (FileSystem.Status(volume)!.Value.Uid, FileSystem.Status(volume)!.Value.Gid, FileSystem.Status(volume)!.Value.Permissions));
        File.WriteAllText(Path.Combine(volume, "a"), "written");
        Assert.Equal("written", File.ReadAllText(Path.Combine(Store.Ensure("stack_data", View, "/data"), "a")));
        Assert.Equal(["stack_data"], Store.Names);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    public void A_name_that_is_no_file_name_is_refused(string name) =>
        Assert.Throws<ContainerException>(() => Store.Ensure(name, View, "/data"));

    [Fact]
    public void A_subpath_cannot_lead_out_of_its_volume()
    {
        RequireRoot();
        var volume = Store.Ensure("v", View, "/nothing");
        Directory.CreateDirectory(Path.Combine(volume, "etc"));
        File.CreateSymbolicLink(Path.Combine(volume, "out"), "/etc");
        Assert.Equal(Path.Combine(volume, "etc"), Store.Subdirectory("v", "out"));
        Assert.Contains("\"missing\"", Assert.Throws<ContainerException>(() => Store.Subdirectory("v", "missing")).Message, StringComparison.Ordinal);
    }

    private static void RequireRoot()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root");
    }

    private void Write(string path, string text)
    {
        var file = Path.Combine(_directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
