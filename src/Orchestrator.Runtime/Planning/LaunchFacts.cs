using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;

namespace Orchestrator.Runtime.Planning;

/// <summary>All that a plan needs to know of the machine and of the launching process, gathered before it is made.</summary>
public sealed record LaunchFacts
{
    /// <summary>The bundle's directory: relative paths of config.json start here.</summary>
    public required string Bundle { get; init; }

    public required CgroupLayout Cgroups { get; init; }

    public required string CgroupPath { get; init; }

    /// <summary>What is at a path of the host; null for nothing. Asked for the sources of bind mounts.</summary>
    public required Func<string, FileKind?> KindOf { get; init; }

    public int LastCapability { get; init; } = 40;

    public int OomScoreAdj { get; init; }

    public required LaunchDescriptors Descriptors { get; init; }

    /// <summary>This program on the host, which a container with an init gets as its pid 1.</summary>
    public string Program { get; init; } = "orc-runtime";

    /// <summary>The name of the session keyring to join, or to make; null keeps the caller's.</summary>
    public string? Keyring { get; init; }

    /// <summary>Moves the root over the old one instead of pivoting, which the kernel does not do on an initramfs.</summary>
    public bool NoPivot { get; init; }

    /// <summary>Groups of single controllers that are others than <see cref="CgroupPath"/>.</summary>
    public IReadOnlyDictionary<string, string> CgroupPaths { get; init; } = new Dictionary<string, string>();

    /// <summary>The home directory that the image's passwd gives a uid; null for none.</summary>
    public Func<uint, string?> HomeOf { get; init; } = _ => null;

    /// <summary>By their index in mounts: bind mounts with mapped ids, which only the host's root can make, as detached trees.</summary>
    public IReadOnlyDictionary<int, int> MappedTrees { get; init; } = new Dictionary<int, int>();

    /// <summary>For what joins a container: its process.</summary>
    public int ContainerPid { get; init; }

    /// <summary>The capabilities that the launcher can pass on, as a mask.</summary>
    public ulong Grantable { get; init; } = ulong.MaxValue;

    public bool HasAppArmor { get; init; }

    public bool HasSelinux { get; init; }

    /// <summary>Stops before execve until <c>start</c>: the two halves of the OCI lifecycle.</summary>
    public bool WaitsForStart { get; init; }
}

/// <summary>Descriptors that the child inherits. -1 where there is none.</summary>
/// <param name="ErrorPipe">Takes the report of a failed step.</param>
/// <param name="GoPipe">The child reads a byte from it before it goes on: the parent's answer to a report, or what <c>start</c> writes into the FIFO.</param>
/// <param name="Output">The container's stdout; -1 leaves the inherited one.</param>
/// <param name="Errors">The container's stderr; -1 leaves the inherited one.</param>
/// <param name="TerminalAnswer">The other end of the go pipe, which stays with the parent: where it answers.</param>
/// <param name="Input">The container's stdin; -1 leaves the inherited one.</param>
public sealed record LaunchDescriptors(int ErrorPipe, int GoPipe, int TerminalAnswer = -1, int Input = -1, int Output = -1, int Errors = -1)
{
    /// <summary>Where the child puts the error pipe, so that it can close all above: behind the preserved descriptors, if there are any.</summary>
    public const int ErrorPipeInChild = 3;

    public const int FirstPreserved = 3;

    /// <summary>So many descriptors from <see cref="FirstPreserved"/> on stay open for the program.</summary>
    public int Preserved { get; init; }

    /// <summary>So many of them are sockets of a caller that listens for the program, which is told so.</summary>
    public int Listening { get; init; }

    public int ErrorPipeNumber => ErrorPipeInChild + Preserved;

    /// <summary>Where the child keeps the terminal's master until the parent has taken it.</summary>
    public const int TerminalInChild = 200;

    /// <summary>Where the child keeps a directory and the tmpfs that its content is copied to.</summary>
    public const int CopySourceInChild = 201, CopyTargetInChild = 202;
}
