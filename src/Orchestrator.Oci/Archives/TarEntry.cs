using System.Text;

namespace Orchestrator.Oci.Archives;

public enum TarEntryKind
{
    Regular,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// <summary>One member of a tar archive. Names are the bytes that the kernel is to see: nobody promised that they are UTF-8.</summary>
public sealed class TarEntry
{
    public required TarEntryKind Kind { get; init; }

    public required byte[] Name { get; init; }

    /// <summary>What a link points to.</summary>
    public required byte[] LinkName { get; init; }

    /// <summary>Permissions with set-id and sticky bits.</summary>
    public required uint Mode { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    public required long ModifiedSeconds { get; init; }

    public uint ModifiedNanoseconds { get; init; }

    /// <summary>The file's size; of a sparse file more than the archive holds.</summary>
    public required long Size { get; init; }

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }

    public IReadOnlyList<(string Name, byte[] Value)> ExtendedAttributes { get; init; } = [];

    /// <summary>Where the data of a sparse file goes, in order; null when it has no holes.</summary>
    public IReadOnlyList<(long Offset, long Length)>? SparseMap { get; init; }

    /// <summary>Fit for a message.</summary>
    public string DisplayName => Encoding.UTF8.GetString(Name);
}
