using System.Runtime.InteropServices;

namespace Orchestrator.Linux;

internal static unsafe partial class Libc
{
    [DllImport(Name)] public static extern int socket(int family, int type, int protocol);
    [DllImport(Name)] public static extern int setsockopt(int fd, int level, int option, void* value, uint length);
    [DllImport(Name)] public static extern nint send(int fd, void* buffer, nuint length, int flags);
    [DllImport(Name)] public static extern nint recv(int fd, void* buffer, nuint length, int flags);
}
