using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Containers;

/// <summary>Pipes that a child inherits, under numbers that its own standard streams and error pipe do not overwrite.</summary>
internal static class LaunchPipes
{
    private const int Lowest = 10;

    public static Pipe Create()
    {
        var pipe = FileDescriptors.CreatePipe();
        return new Pipe(MoveUp(pipe.Reader), MoveUp(pipe.Writer));
    }

    public static SafeFileHandle MoveUp(SafeFileHandle handle) => FileDescriptors.MoveUp(handle, Lowest);
}
