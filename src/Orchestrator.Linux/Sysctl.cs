namespace Orchestrator.Linux;

/// <summary>Kernel settings by their /proc/sys name, with slashes. Those under <c>net/</c> are of the calling thread's network namespace.</summary>
public static class Sysctl
{
    /// <summary>Null when the kernel has no such setting.</summary>
    public static string? Read(string name) => File.Exists(PathOf(name)) ? File.ReadAllText(PathOf(name)).Trim() : null;

    /// <summary>Writes unless the value is there already. False when the kernel has no such setting.</summary>
    public static bool Write(string name, string value)
    {
        if (Read(name) is not { } current)
            return false;
        if (current != value)
            File.WriteAllText(PathOf(name), value);
        return true;
    }

    /// <summary>Writes whatever is there: for a setting that is known to be as the kernel made it. False when the kernel has no such setting.</summary>
    public static bool Put(string name, string value)
    {
        try
        {
            using var file = FileSystem.Open(PathOf(name), OpenFlags.WriteOnly);
            return FileDescriptors.Write(file.Number(), value);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return false;
        }
    }

    private static string PathOf(string name) => $"/proc/sys/{name}";
}
