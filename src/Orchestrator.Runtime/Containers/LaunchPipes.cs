using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;

namespace Orchestrator.Runtime.Containers;

/// <summary>Pipes that a child inherits, under numbers that its own standard streams, preserved descriptors and error pipe do not overwrite.</summary>
internal static class LaunchPipes
{
    private const int Lowest = 10;

    public static Pipe Create(int preserved = 0)
    {
        var pipe = FileDescriptors.CreatePipe();
        return new Pipe(MoveUp(pipe.Reader, preserved), MoveUp(pipe.Writer, preserved));
    }

    public static SafeFileHandle MoveUp(SafeFileHandle handle, int preserved = 0) => FileDescriptors.MoveUp(handle, Lowest + preserved);
}
