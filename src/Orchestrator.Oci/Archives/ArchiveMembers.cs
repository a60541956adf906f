using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Oci.Archives;

/// <summary>The members of a plain tar file, found by name and read in any order, several at a time.</summary>
internal sealed class ArchiveMembers : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, (long Offset, long Length)> _members = new(StringComparer.Ordinal);

    /// <exception cref="InvalidDataException">The tar is malformed.</exception>
    public ArchiveMembers(string plainTar, FileOptions options = FileOptions.None)
    {
        _file = File.OpenHandle(plainTar, FileMode.Open, FileAccess.Read, FileShare.Read, options);
        try
        {
            using var stream = new MemberStream(_file, 0, RandomAccess.GetLength(_file));
            Index(new TarReader(stream));
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _members.ContainsKey(name);

    public long Length(string name) => _members[name].Length;

    public Stream Open(string name) => new MemberStream(_file, _members[name].Offset, _members[name].Length);

    public byte[] ReadAll(string name, int sizeMax)
    {
        var (offset, length) = _members[name];
        if (length > sizeMax)
            throw new InvalidDataException($"{name} has {length} bytes; at most {sizeMax} are accepted");
        var content = new byte[length];
        using var stream = new MemberStream(_file, offset, length);
        stream.ReadExactly(content);
        return content;
    }

    public void Dispose() => _file.Dispose();

    private void Index(TarReader tar)
    {
        var links = new List<(string Name, string Target)>();
        while (tar.Next() is { } entry)
        {
            var name = Clean(Encoding.UTF8.GetString(entry.Name));
            if (entry is { Kind: TarEntryKind.Regular, SparseMap: null })
                _members[name] = (tar.Position, entry.Size);
            // Older versions of docker save link equal layers.
            else if (entry.Kind is TarEntryKind.SymbolicLink)
                links.Add((name, Clean(Path.Combine(Path.GetDirectoryName(name) ?? "", Encoding.UTF8.GetString(entry.LinkName)))));
            else if (entry.Kind is TarEntryKind.HardLink)
                links.Add((name, Clean(Encoding.UTF8.GetString(entry.LinkName))));
        }
        foreach (var (name, target) in links)
        {
            if (_members.TryGetValue(target, out var place))
                _members.TryAdd(name, place);
        }
    }

    private static string Clean(string name) => Path.GetFullPath("/" + name)[1..].TrimEnd('/');

    private sealed class MemberStream(SafeFileHandle file, long offset, long length) : ReadOnlyStream
    {
        private long _at;

        public override int Read(Span<byte> buffer)
        {
            var read = RandomAccess.Read(file, buffer[..(int)Math.Min(buffer.Length, length - _at)], offset + _at);
            _at += read;
            return read;
        }
    }
}
