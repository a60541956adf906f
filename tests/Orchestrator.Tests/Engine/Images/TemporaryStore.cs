using Orchestrator.Engine.Images;
using Orchestrator.Linux;
using Orchestrator.Oci;
using Orchestrator.Tests.Oci;
using Xunit;

namespace Orchestrator.Tests.Engine.Images;

/// <summary>An image store in a directory that goes with it.</summary>
internal sealed class TemporaryStore : IDisposable
{
    private readonly RegistryClient _registry = new(new RegistryOptions { RetryDelay = TimeSpan.FromMilliseconds(1) });
    private int _archives;

    public TemporaryStore()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root");
        Store = new ImageStore(Root, _registry);
    }

    public DirectoryInfo Directory { get; } = System.IO.Directory.CreateTempSubdirectory("orc-images-");

    public string Root => Path.Combine(Directory.FullName, "store");

    public ImageStore Store { get; private set; }

    /// <summary>What the store holds, as paths from its root; the lock and empty folders left out.</summary>
    public IReadOnlyList<string> Content =>
        [.. new[] { "blobs/sha256", "layers", "images", "tmp" }.SelectMany(d => System.IO.Directory.EnumerateFileSystemEntries(Path.Combine(Root, d)))
            .Select(p => Path.GetRelativePath(Root, p)).Order(StringComparer.Ordinal)];

    public async Task<StoredImage> LoadAsync(TestImage image)
    {
        var archive = Path.Combine(Directory.FullName, $"{_archives++}.tar");
        await image.WriteArchiveAsync(archive);
        return Assert.Single(await Store.LoadAsync(archive, null, TestContext.Current.CancellationToken));
    }

    /// <summary>Unpacks one layer and gives its directory.</summary>
    public async Task<string> UnpackAsync(byte[] tar) => Assert.Single((await LoadAsync(TestImage.Of(tar))).LayerDirectories);

    public async Task<string> RefusalAsync(byte[] tar) =>
        (await Assert.ThrowsAsync<InvalidDataException>(() => LoadAsync(TestImage.Of(tar)))).Message;

    /// <summary>As when the process ends and another begins.</summary>
    public void Reopen(Action? between = null)
    {
        Store.Dispose();
        between?.Invoke();
        Store = new ImageStore(Root, _registry);
    }

    public void Dispose()
    {
        Store.Dispose();
        _registry.Dispose();
        using var parent = ByteDirectory.Open(Path.GetDirectoryName(Directory.FullName)!);
        parent.Remove(System.Text.Encoding.UTF8.GetBytes(Directory.Name));
    }
}
