using System.Globalization;
using System.Text;
using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Containers;

/// <summary>What a container's image says of its users.</summary>
internal static class ImageUsers
{
    private const int SizeMax = 1 << 20;

    /// <summary>From etc/passwd below the root, or in the topmost layer that has it; null when nothing says.</summary>
    public static string? HomeOf(RuntimeConfig config, string bundle, uint uid)
    {
        IEnumerable<string> roots = config.Annotations.TryGetValue(RuntimeAnnotations.Overlay, out var overlay)
            ? [OverlayConfig.Parse(overlay).Upper, .. OverlayConfig.Parse(overlay).Lower]
            : [Path.GetFullPath(config.Root?.Path ?? ".", bundle)];
        return roots.Where(Directory.Exists).Select(Read).OfType<string>().Take(1).Select(text => Find(text, uid)).FirstOrDefault();
    }

    private static string? Read(string root)
    {
        try
        {
            using var directory = FileSystem.Open(root, OpenFlags.Path | OpenFlags.Directory);
            using var file = FileSystem.FindInRoot(directory, "etc/passwd", OpenFlags.ReadOnly | OpenFlags.NonBlocking);
            if (file is null || FileSystem.Status(file) is not { Kind: FileKind.Regular } status)
                return null;
            var content = new byte[Math.Min(status.Size, SizeMax)];
            return Encoding.UTF8.GetString(content, 0, RandomAccess.Read(file, content, 0));
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private static string? Find(string passwd, uint uid) => passwd.Split('\n').Select(l => l.Split(':'))
        .FirstOrDefault(f => f.Length > 5 && f[2] == uid.ToString(CultureInfo.InvariantCulture))?[5];
}
