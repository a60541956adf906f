using Orchestrator.Linux;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>What the command line says about a start, and config.json does not.</summary>
/// <param name="NewKeyring">A session keyring of the container's own, instead of the caller's.</param>
/// <param name="NoPivot">Moves the root over the old one, for callers on an initramfs, where the kernel lets nobody pivot.</param>
/// <param name="Preserved">So many descriptors from 3 on are handed to the program, those of a socket-activated caller included.</param>
/// <param name="Listening">Those of a socket-activated caller.</param>
public sealed record LaunchOptions(bool NewKeyring = true, bool NoPivot = false, int Preserved = 0, int Listening = 0)
{
    private const int PreservedMax = 100;

    public static readonly string[] Flags = ["--no-pivot", "--no-new-keyring"];
    public static readonly string[] Values = ["--bundle", "-b", "--pid-file", "--console-socket", "--preserve-fds"];

    public static LaunchOptions From(Arguments arguments)
    {
        var listening = int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), out var count) && count > 0 ? count : 0;
        var text = arguments.Value("--preserve-fds") ?? "0";
        if (!int.TryParse(text, out var preserved) || preserved < 0 || preserved + listening > PreservedMax)
            throw new UsageException($"--preserve-fds: \"{text}\" is no count of descriptors; accepted: 0 to {PreservedMax - listening}");
        return new LaunchOptions(!arguments.Has("--no-new-keyring"), arguments.Has("--no-pivot"), preserved + listening, listening);
    }

    /// <summary>The caller's own streams. Pipes among them are given to the process' user, so that it can open /dev/stdout again.</summary>
    public LaunchDescriptors Streams(int errorPipe, int goPipe, int terminalAnswer)
    {
        for (var fd = LaunchDescriptors.FirstPreserved; fd < LaunchDescriptors.FirstPreserved + Preserved; fd++)
            FileDescriptors.SetCloseOnExec(fd, false);
        return new LaunchDescriptors(errorPipe, goPipe, terminalAnswer, PipeOrNone(0), PipeOrNone(1), PipeOrNone(2)) { Preserved = Preserved, Listening = Listening };
    }

    private static int PipeOrNone(int fd) => FileDescriptors.Kind(fd) is FileKind.Fifo or FileKind.Socket ? fd : -1;
}
