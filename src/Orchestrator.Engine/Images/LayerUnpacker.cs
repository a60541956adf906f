using System.Text;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Oci.Archives;

namespace Orchestrator.Engine.Images;

/// <summary>
/// Turns a layer's tar into a directory that overlayfs takes as lower. Whiteouts become overlayfs's own (a character device
/// 0/0; trusted.overlay.opaque). No entry, whatever its name and the links before it, is written outside the directory.
/// </summary>
internal sealed class LayerUnpacker : IDisposable
{
    private const string OpaqueAttribute = "trusted.overlay.opaque";
    private const uint DefaultDirectoryMode = 0x1ED;

    private readonly ByteDirectory _root;
    private readonly List<(byte[] Path, long Seconds, uint Nanoseconds)> _directoryTimes = [];
    private readonly List<byte[]> _whiteouts = [];
    private readonly HashSet<string> _opaque = [];
    private ByteDirectory? _parent;
    private byte[] _parentPath = [];

    private LayerUnpacker(ByteDirectory root) => _root = root;

    /// <param name="directory">Exists and is empty.</param>
    /// <exception cref="InvalidDataException">The tar is malformed, or an entry cannot be made; the message names it.</exception>
    public static void Unpack(TarReader tar, string directory, CancellationToken cancellation)
    {
        using var unpacker = new LayerUnpacker(ByteDirectory.Open(directory));
        unpacker._root.SetMode("."u8, DefaultDirectoryMode);
        while (tar.Next() is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                unpacker.Add(entry, tar);
            }
            catch (LinuxException e) when (e.Errno is not (Errno.ENOSPC or Errno.EIO or Errno.EROFS or Errno.EMFILE or Errno.ENOMEM))
            {
                throw new InvalidDataException($"entry \"{entry.DisplayName}\": {e.Message}", e);
            }
        }
        unpacker.DropNeedlessWhiteouts();
        unpacker.SetDirectoryTimes();
    }

    public void Dispose()
    {
        LeaveParent();
        _root.Dispose();
    }

    private void Add(TarEntry entry, TarReader tar)
    {
        var (parentPath, name) = Split(entry.Name, entry);
        if (name.Length == 0)
            AddRoot(entry);
        else if (name.AsSpan().StartsWith(".wh."u8))
            AddWhiteout(Parent(parentPath, entry), parentPath, name, entry);
        else
            AddEntry(Parent(parentPath, entry), parentPath, name, entry, tar);
    }

    private void AddRoot(TarEntry entry)
    {
        if (entry.Kind != TarEntryKind.Directory)
            throw Refused(entry, "the root of a layer must be a directory");
        SetAttributes(_root, "."u8, entry);
        _directoryTimes.Add(([], entry.ModifiedSeconds, entry.ModifiedNanoseconds));
    }

    private void AddWhiteout(ByteDirectory parent, byte[] parentPath, byte[] name, TarEntry entry)
    {
        if (name.AsSpan().SequenceEqual(".wh..wh..opq"u8))
        {
            MakeOpaque(parent, "."u8, parentPath);
            return;
        }
        // Other names of this form are aufs's own book-keeping.
        if (name.AsSpan().StartsWith(".wh..wh."u8))
            return;
        var hidden = name[4..];
        if (hidden is [] or [(byte)'.'] or [(byte)'.', (byte)'.'])
            throw Refused(entry, "a whiteout of nothing");
        // What this same layer brings is not hidden by it, only what is below.
        if (parent.TryMakeNode(hidden, FileKind.CharacterDevice))
            _whiteouts.Add(Join(parentPath, hidden));
        else if (parent.Status(hidden) is { Kind: FileKind.Directory })
            MakeOpaque(parent, hidden, Join(parentPath, hidden));
    }

    private void MakeOpaque(ByteDirectory parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path)
    {
        parent.SetAttribute(name, OpaqueAttribute, "y"u8);
        _opaque.Add(Encoding.Latin1.GetString(path));
    }

    /// <summary>Beneath an opaque directory nothing is left to hide, and overlayfs would list the whiteout itself.</summary>
    private void DropNeedlessWhiteouts()
    {
        foreach (var path in _whiteouts.Where(w => Ancestors(w).Any(_opaque.Contains)))
        {
            var slash = path.AsSpan().LastIndexOf((byte)'/');
            using var parent = _root.Enter(path.AsSpan(0, Math.Max(0, slash)), out _);
            if (parent?.Status(path.AsSpan(slash + 1)) is { Kind: FileKind.CharacterDevice, DeviceOfNode: 0 })
                parent.Remove(path.AsSpan(slash + 1));
        }
    }

    private static IEnumerable<string> Ancestors(byte[] path)
    {
        var text = Encoding.Latin1.GetString(path);
        for (var slash = text.LastIndexOf('/'); slash >= 0; slash = text.LastIndexOf('/', slash - 1))
            yield return text[..slash];
        yield return "";
    }

    private void AddEntry(ByteDirectory parent, byte[] parentPath, byte[] name, TarEntry entry, TarReader tar)
    {
        if (entry.Kind == TarEntryKind.Directory)
        {
            MakeDirectory(parent, name, Join(parentPath, name));
            _directoryTimes.Add((Join(parentPath, name), entry.ModifiedSeconds, entry.ModifiedNanoseconds));
        }
        else if (!TryMake(parent, name, entry, tar))
        {
            if (entry.Kind == TarEntryKind.HardLink && IsLinkToItself(parent, name, entry))
                return;
            Replace(parent, name);
            if (!TryMake(parent, name, entry, tar))
                throw Refused(entry, "the name is taken");
        }
        if (entry.Kind != TarEntryKind.HardLink)
            SetAttributes(parent, name, entry);
    }

    private bool TryMake(ByteDirectory parent, byte[] name, TarEntry entry, TarReader tar) => entry.Kind switch
    {
        TarEntryKind.Regular => TryMakeFile(parent, name, entry, tar),
        TarEntryKind.SymbolicLink => parent.TryMakeSymbolicLink(name, entry.LinkName),
        TarEntryKind.HardLink => TryMakeHardLink(parent, name, entry),
        TarEntryKind.CharacterDevice => parent.TryMakeNode(name, FileKind.CharacterDevice, FileSystem.DeviceNumber(entry.DeviceMajor, entry.DeviceMinor)),
        TarEntryKind.BlockDevice => parent.TryMakeNode(name, FileKind.BlockDevice, FileSystem.DeviceNumber(entry.DeviceMajor, entry.DeviceMinor)),
        TarEntryKind.Fifo => parent.TryMakeNode(name, FileKind.Fifo),
        _ => throw new InvalidOperationException($"unexpected kind {entry.Kind}"),
    };

    private static bool TryMakeFile(ByteDirectory parent, byte[] name, TarEntry entry, TarReader tar)
    {
        using var file = parent.TryCreateFile(name);
        if (file is null)
            return false;
        if (entry.SparseMap is { } map)
            WriteSparse(file, entry, map, tar);
        else
            WriteData(file, tar, 0, entry.Size);
        return true;
    }

    private static void WriteSparse(SafeFileHandle file, TarEntry entry, IReadOnlyList<(long Offset, long Length)> map, TarReader tar)
    {
        foreach (var (offset, length) in map)
            WriteData(file, tar, offset, length);
        ByteDirectory.SetSize(file, entry.Size);
    }

    private static void WriteData(SafeFileHandle file, TarReader tar, long offset, long length)
    {
        for (var end = offset + length; offset < end;)
        {
            var piece = tar.ReadData(end - offset);
            ByteDirectory.Write(file, piece, offset);
            offset += piece.Length;
        }
    }

    private bool TryMakeHardLink(ByteDirectory parent, byte[] name, TarEntry entry)
    {
        var (targetParent, target) = Split(entry.LinkName, entry);
        if (target.Length == 0)
            throw Refused(entry, "a hard link to the root");
        using var directory = _root.Enter(targetParent, out _);
        return directory?.Status(target) is null
            ? throw Refused(entry, $"a hard link to \"{Encoding.UTF8.GetString(entry.LinkName)}\", which this layer does not have")
            : parent.TryMakeHardLink(name, directory, target);
    }

    private bool IsLinkToItself(ByteDirectory parent, byte[] name, TarEntry entry)
    {
        var (targetParent, target) = Split(entry.LinkName, entry);
        using var directory = _root.Enter(targetParent, out _);
        return directory?.Status(target)?.Inode == parent.Status(name)?.Inode;
    }

    private void MakeDirectory(ByteDirectory parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path)
    {
        if (parent.TryMakeDirectory(name, DefaultDirectoryMode))
        {
            // The process's umask may have taken bits away.
            parent.SetMode(name, DefaultDirectoryMode);
            return;
        }
        var existing = parent.Status(name)!.Value;
        if (existing.Kind == FileKind.Directory)
            return;
        Replace(parent, name);
        parent.TryMakeDirectory(name, DefaultDirectoryMode);
        parent.SetMode(name, DefaultDirectoryMode);
        if (existing is { Kind: FileKind.CharacterDevice, DeviceOfNode: 0 })
            MakeOpaque(parent, name, path);
    }

    private void Replace(ByteDirectory parent, ReadOnlySpan<byte> name)
    {
        parent.Remove(name);
        // The known parent may have been inside what is gone; the caller's reference stays open until the next entry.
        _parentPath = [0];
    }

    private static void SetAttributes(ByteDirectory parent, ReadOnlySpan<byte> name, TarEntry entry)
    {
        parent.SetOwner(name, entry.Uid, entry.Gid);
        if (entry.Kind != TarEntryKind.SymbolicLink)
            parent.SetMode(name, entry.Mode);
        // After the owner: chown drops security.capability. What overlayfs reads as its own is not for a layer to set.
        foreach (var (attribute, value) in entry.ExtendedAttributes)
        {
            if (!attribute.StartsWith("trusted.overlay.", StringComparison.Ordinal))
                parent.SetAttribute(name, attribute, value);
        }
        parent.SetModifiedTime(name, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
    }

    /// <summary>Last and deepest first: making an entry changes its directory's time.</summary>
    private void SetDirectoryTimes()
    {
        for (var i = _directoryTimes.Count - 1; i >= 0; i--)
        {
            var (path, seconds, nanoseconds) = _directoryTimes[i];
            using var directory = _root.Enter(path, out _);
            directory?.SetModifiedTime("."u8, seconds, nanoseconds);
        }
    }

    private ByteDirectory Parent(byte[] path, TarEntry entry)
    {
        if (path.Length == 0)
            return _root;
        if (_parent is not null && path.AsSpan().SequenceEqual(_parentPath))
            return _parent;
        LeaveParent();
        (_parent, _parentPath) = (_root.Enter(path, out _) ?? MakeParents(path, entry), path);
        return _parent;
    }

    private ByteDirectory MakeParents(byte[] path, TarEntry entry)
    {
        ByteDirectory? current = null;
        for (var end = 0; end < path.Length;)
        {
            var start = end == 0 ? 0 : end + 1;
            end = path.AsSpan(start).IndexOf((byte)'/') is >= 0 and var slash ? start + slash : path.Length;
            var next = _root.Enter(path.AsSpan(0, end), out var errno);
            if (next is null)
            {
                MakeMissingParent(current ?? _root, path.AsSpan(start, end - start), path.AsSpan(0, end), errno, entry);
                next = _root.Enter(path.AsSpan(0, end), out _) ?? throw Refused(entry, "its directory cannot be made");
            }
            current?.Dispose();
            current = next;
        }
        return current!;
    }

    private void MakeMissingParent(ByteDirectory directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path, int errno, TarEntry entry)
    {
        if (errno == Errno.ENOTDIR && directory.Status(name) is not { Kind: FileKind.CharacterDevice, DeviceOfNode: 0 })
            throw Refused(entry, $"\"{Encoding.UTF8.GetString(name)}\" on its way is not a directory");
        if (directory.Status(name) is { Kind: FileKind.SymbolicLink })
            throw Refused(entry, $"the link \"{Encoding.UTF8.GetString(name)}\" on its way leads nowhere");
        MakeDirectory(directory, name, path);
    }

    private void LeaveParent()
    {
        _parent?.Dispose();
        _parent = null;
    }

    /// <summary>The directory ("" for the root) and the last name ("" for the root itself), without "." and doubled slashes.</summary>
    private static (byte[] Parent, byte[] Name) Split(byte[] path, TarEntry entry)
    {
        var clean = new List<byte>(path.Length);
        var nameStart = 0;
        foreach (var range in path.AsSpan().Split((byte)'/'))
        {
            var part = path.AsSpan(range);
            if (part.IsEmpty || part.SequenceEqual("."u8))
                continue;
            if (part.SequenceEqual(".."u8))
                throw Refused(entry, "its path contains \"..\"");
            if (clean.Count > 0)
                clean.Add((byte)'/');
            nameStart = clean.Count;
            clean.AddRange(part);
        }
        var whole = clean.ToArray();
        return (whole[..Math.Max(0, nameStart - 1)], whole[nameStart..]);
    }

    private static byte[] Join(byte[] parent, byte[] name) => parent.Length == 0 ? name : [.. parent, (byte)'/', .. name];

    private static InvalidDataException Refused(TarEntry entry, string why) => new($"entry \"{entry.DisplayName}\": {why}");
}
