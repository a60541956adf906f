using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Linux;

public sealed class FileSystemTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orc-fs").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(16384)]
    [InlineData(100_000)]
    public void A_file_of_any_length_is_read_whole(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        var path = Path.Combine(_directory, "file");
        File.WriteAllText(path, new string('x', 200_000));
        FileSystem.WriteAll(path, bytes);
        Assert.Equal(bytes, FileSystem.ReadAll(path));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error_with_its_name() =>
        Assert.Contains(_directory + "/none", Assert.Throws<LinuxException>(() => FileSystem.ReadAll(_directory + "/none")).Message);

    [Fact]
    public void Ordinary_refusals_are_answers()
    {
        var path = Path.Combine(_directory, "a");
        Assert.Equal(Errno.ENOENT, FileSystem.TryMakeDirectory(path + "/b", 0x1C0));
        Assert.Equal(0, FileSystem.TryMakeDirectory(path, 0x1C0));
        Assert.Equal(Errno.EEXIST, FileSystem.TryMakeDirectory(path, 0x1C0));
        File.WriteAllText(path + "/file", "");
        Assert.Equal(Errno.ENOTEMPTY, FileSystem.TryRemoveDirectory(path));
        File.Delete(path + "/file");
        Assert.Equal(0, FileSystem.TryRemoveDirectory(path));
        Assert.False(FileSystem.Exists(path));
        Assert.Equal(Errno.ENOENT, FileSystem.TryRemoveDirectory(path));
    }

    /// <summary>By the whole list, taken apart line by line.</summary>
    [Fact]
    public void The_mounts_of_a_file_system_are_found_among_all() =>
        Assert.Equal(Mounts.Read().Where(m => m.FileSystem.StartsWith("proc", StringComparison.Ordinal)), Mounts.OfFileSystem("proc"));
}
