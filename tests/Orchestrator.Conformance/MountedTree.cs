using System.Diagnostics;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>A mount of the host's with another mount below it.</summary>
internal sealed class MountedTree : IDisposable
{
    private readonly List<string> _mounts = [];

    public MountedTree(Bundle bundle, bool shared = false)
    {
        Path = Directory.CreateDirectory(System.IO.Path.Combine(bundle.Path, "tree")).FullName;
        Mount("");
        Tool("mount", shared ? "--make-shared" : "--make-private", Path);
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "sub"));
        Mount("sub");
        File.WriteAllText(System.IO.Path.Combine(Path, "sub/file"), "below\n");
    }

    public string Path { get; }

    public void Mount(string name)
    {
        var place = System.IO.Path.Combine(Path, name);
        Tool("mount", "-t", "tmpfs", "orc-conformance", place);
        _mounts.Add(place);
        File.WriteAllText(System.IO.Path.Combine(place, "file"), "");
    }

    public void Unmount(string name) => _mounts.Add(System.IO.Path.Combine(Path, name));

    public void Dispose()
    {
        foreach (var place in Enumerable.Reverse(_mounts))
            Process.Start("umount", ["-l", place])!.WaitForExit();
    }

    private static void Tool(string name, params string[] arguments)
    {
        using var process = Process.Start(name, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
