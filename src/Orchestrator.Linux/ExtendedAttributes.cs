using System.Text;

namespace Orchestrator.Linux;

/// <summary>Extended attributes of a path; a final symbolic link is not followed.</summary>
public static unsafe class ExtendedAttributes
{
    public static void Set(string path, string name, ReadOnlySpan<byte> value)
    {
        fixed (byte* p = Libc.Z(path), n = Libc.Z(name), v = value)
            Libc.Check(Libc.lsetxattr(p, n, v, (nuint)value.Length, 0), $"set xattr {name} of {path}");
    }

    /// <summary>Null when the path has no such attribute.</summary>
    public static byte[]? Get(string path, string name)
    {
        var value = new byte[65536];
        fixed (byte* p = Libc.Z(path), n = Libc.Z(name), v = value)
        {
            var length = Libc.lgetxattr(p, n, v, (nuint)value.Length);
            if (length >= 0)
                return value.AsSpan(0, (int)length).ToArray();
            var error = Libc.Error($"get xattr {name} of {path}");
            return error.Errno is Errno.ENODATA or Errno.EOPNOTSUPP ? null : throw error;
        }
    }

    /// <summary>False also when there is nothing at the path.</summary>
    public static bool Has(string path, string name)
    {
        fixed (byte* p = Libc.Z(path), n = Libc.Z(name))
            return Libc.lgetxattr(p, n, null, 0) >= 0;
    }

    public static IReadOnlyList<string> List(string path)
    {
        var list = new byte[65536];
        nint length;
        fixed (byte* p = Libc.Z(path), l = list)
            length = Libc.Check(Libc.llistxattr(p, l, (nuint)list.Length), $"list xattrs of {path}");
        return Encoding.UTF8.GetString(list, 0, (int)length).Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }

    public static void Remove(string path, string name)
    {
        fixed (byte* p = Libc.Z(path), n = Libc.Z(name))
            Libc.Check(Libc.lremovexattr(p, n), $"remove xattr {name} of {path}");
    }
}
