using Orchestrator.Linux;

namespace Orchestrator.Engine.Volumes;

/// <summary>An image's files as a container would see them, without a mount: overlayfs's rules over the layers' directories.</summary>
/// <param name="layers">Top first.</param>
public sealed class LayerView(IReadOnlyList<string> layers)
{
    private const int LinksMax = 40;

    /// <summary>The file on disk that the path leads to; links are followed inside the image.</summary>
    /// <returns>Null when the image has nothing there.</returns>
    public string? Find(string path) => Resolve(path, 0) is { } resolved ? Lookup(resolved) : null;

    /// <summary>Whether the image has something of this name; links are not followed.</summary>
    public bool Has(string path) => Lookup(path) is not null;

    /// <summary>The text of a regular file; null when the image has none there.</summary>
    public string? ReadText(string path) =>
        Find(path) is { } file && FileSystem.Status(file) is { Kind: FileKind.Regular } ? File.ReadAllText(file) : null;

    /// <summary>Names in a directory with the file on disk that each one is; links are not followed.</summary>
    public IReadOnlyList<(string Name, string File)> Children(string path)
    {
        var resolved = Resolve(path, 0);
        var hidden = new HashSet<string>(StringComparer.Ordinal);
        var children = new List<(string, string)>();
        foreach (var directory in resolved is null ? [] : DirectoriesAt(resolved))
            foreach (var file in Directory.EnumerateFileSystemEntries(directory))
                if (hidden.Add(Path.GetFileName(file)) && !IsWhiteout(FileSystem.Status(file)))
                    children.Add((Path.GetFileName(file), file));
        return children;
    }

    private string? Resolve(string path, int links)
    {
        var done = "";
        var parts = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        while (parts.TryPop(out var part))
        {
            if (part == ".")
                continue;
            var next = part == ".." ? Parent(done) : $"{done}/{part}";
            if (part != ".." && Lookup(next) is { } file && FileSystem.Status(file) is { Kind: FileKind.SymbolicLink })
            {
                if (++links > LinksMax)
                    return null;
                var target = new FileInfo(file).LinkTarget!;
                if (target.StartsWith('/'))
                    done = "";
                foreach (var step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                    parts.Push(step);
                continue;
            }
            done = next;
        }
        return done;
    }

    /// <param name="path">Empty for the root; no links in it.</param>
    private string? Lookup(string path)
    {
        foreach (var layer in layers)
            switch (LookIn(layer, path, out var file))
            {
                case Presence.Found: return file;
                case Presence.Hidden: return null;
            }
        return null;
    }

    private IEnumerable<string> DirectoriesAt(string path)
    {
        foreach (var layer in layers)
        {
            var presence = LookIn(layer, path, out var file);
            if (presence == Presence.Hidden || (presence == Presence.Found && FileSystem.Status(file) is not { Kind: FileKind.Directory }))
                yield break;
            if (presence == Presence.Found)
                yield return file;
            if (presence == Presence.Found && IsOpaque(file))
                yield break;
        }
    }

    private enum Presence
    {
        /// <summary>Lower layers decide.</summary>
        Absent,
        Found,
        Hidden,
    }

    private static Presence LookIn(string layer, string path, out string file)
    {
        file = layer;
        var hidesBelow = false;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (FileSystem.Status(file) is not { Kind: FileKind.Directory })
                return Presence.Hidden;
            hidesBelow |= file != layer && IsOpaque(file);
            file = $"{file}/{part}";
            var status = FileSystem.Status(file);
            if (status is null)
                return hidesBelow ? Presence.Hidden : Presence.Absent;
            if (IsWhiteout(status))
                return Presence.Hidden;
        }
        return Presence.Found;
    }

    private static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    private static bool IsWhiteout(FileStatus? status) => status is { Kind: FileKind.CharacterDevice, DeviceOfNode: 0 };

    private static bool IsOpaque(string directory) =>
        ExtendedAttributes.Get(directory, "trusted.overlay.opaque") is [(byte)'y'];
}
