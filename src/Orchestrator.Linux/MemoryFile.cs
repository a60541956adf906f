using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Linux;

/// <summary>A file without a name, in memory: what one process writes another can read without either waiting.</summary>
public static unsafe class MemoryFile
{
    private const uint CloseOnExec = 1;

    /// <summary>The content is there to be read from the start.</summary>
    public static SafeFileHandle Create(string name, ReadOnlySpan<byte> content = default)
    {
        SafeFileHandle file;
        fixed (byte* n = Libc.Z(name))
            file = new SafeFileHandle(Libc.Check(Libc.memfd_create(n, CloseOnExec), "memfd_create"), true);
        RandomAccess.Write(file, content, 0);
        return file;
    }

    public static byte[] Read(SafeFileHandle file, int bytesMax)
    {
        var content = new byte[Math.Min(bytesMax, RandomAccess.GetLength(file))];
        var count = RandomAccess.Read(file, content, 0);
        return content[..count];
    }
}
