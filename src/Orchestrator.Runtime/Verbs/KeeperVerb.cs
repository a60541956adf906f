using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Keeping;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Keeping;

namespace Orchestrator.Runtime.Verbs;

/// <summary>
/// Makes sure that a keeper for this root is there, in a session and a group of its own, and returns. A managed process cannot fork and go
/// on, so the keeper is this program again; it says how its beginning went through a pipe.
/// </summary>
internal static class KeeperVerb
{
    public const string Name = "keeper";

    /// <summary>For the keeper itself. Image: its own program as a descriptor, sealed. Answer: the starter's pipe. The rest: of the program that it was before.</summary>
    private const string Program = "--program", Image = "--image", Answer = "--answer", State = "--state", Listener = "--listener", LockFile = "--lock";

    private const int ImageInChild = KeeperSteps.Channel + 1;

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, [], ["--cgroup-parent", Program, Image, Answer, State, Listener, LockFile], 0);
        if (arguments.Value(Program) is null)
            return Detach(root, arguments.Value("--cgroup-parent") ?? "orchestrator");
        return arguments.Value(State) is null ? Begin(root, arguments) : Continue(root, arguments);
    }

    private static int Detach(string root, string cgroupParent)
    {
        Directory.CreateDirectory(root);
        var layout = CgroupLayout.Read();
        var group = new KeeperGroup(layout, cgroupParent).Group;
        group.Create();
        using var answer = LaunchPipes.Create();
        using var program = LaunchPipes.MoveUp(ProcessImage.OpenSealed());
        string[] arguments =
        [
            "orc-runtime", "--root", root, Name, "--cgroup-parent", cgroupParent, Program, ProcessImage.Path,
            Image, Text(ImageInChild), Answer, Text(KeeperSteps.Channel),
        ];
        var tape = KeeperSteps.Detach(layout, group.Path, answer.Writer.Number(), program.Number(), arguments);
        using var unified = layout.Unified is { } u ? FileSystem.Open(u.Directory(group.Path), OpenFlags.Path | OpenFlags.Directory) : null;
        using var child = Launcher.Launch(tape, answer.Writer.Number(), new CloneOptions(CgroupFd: unified?.Number() ?? -1));
        answer.Writer.Dispose();
        Span<byte> said = stackalloc byte[16];
        var count = FileDescriptors.Read(answer.Reader.Number(), said);
        if (count == 1)
            return 0;
        throw new RefusedException(Launcher.ParseFailure(said[..Math.Max(0, count)]) is { } failure
            ? FailureText.Describe(tape, failure, arguments)
            : $"the keeper ended with {Processes.Reap(child.PidFd).Code} before it was ready");
    }

    private static int Begin(string root, Arguments arguments)
    {
        var answer = new SafeFileHandle(KeeperSteps.Channel, true);
        FileDescriptors.SetCloseOnExec(KeeperSteps.Channel, true);
        // One that is there already does as well.
        if (TakeLock(root) is not { } held)
            return Ready(answer);
        using var keeper = Create(root, arguments, held);
        Takeover.Run(keeper, root);
        keeper.Listen(MessageSocket.Listen(SocketPath(root), 0x180));
        Ready(answer);
        return Run(root, arguments, keeper);
    }

    private static int Continue(string root, Arguments arguments)
    {
        using var keeper = Create(root, arguments, Take(arguments, LockFile));
        keeper.Listen(Take(arguments, Listener));
        using (var state = Take(arguments, State))
            Handover.Continue(keeper, state);
        return Run(root, arguments, keeper);
    }

    private static Keeper Create(string root, Arguments arguments, SafeFileHandle held)
    {
        // A container's streams take two descriptors, and there may be many containers.
        FileDescriptors.RaiseLimit();
        Environment.CurrentDirectory = "/";
        return new Keeper(new KeeperOptions(
            root, arguments.Value("--cgroup-parent")!, arguments.Value(Program)!, ProcessImage.Identity("/proc/self/exe"), LaunchPipes.MoveUp(Take(arguments, Image)), held));
    }

    private static int Run(string root, Arguments arguments, Keeper keeper)
    {
        keeper.Run();
        // First nobody comes any more, then another may begin.
        FileSystem.Remove(SocketPath(root));
        FileSystem.Remove(LockPath(root));
        new KeeperGroup(CgroupLayout.Read(), arguments.Value("--cgroup-parent")!).Leave();
        return 0;
    }

    /// <summary>Null when another keeper holds it.</summary>
    private static SafeFileHandle? TakeLock(string root)
    {
        while (true)
        {
            var file = FileSystem.Open(LockPath(root), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
            if (!FileSystem.TryLock(file))
            {
                file.Dispose();
                return null;
            }
            // One that ended between our two calls has taken the file with it.
            if (FileSystem.Status(LockPath(root))?.Inode == FileSystem.Status(file).Inode)
                return file;
            file.Dispose();
        }
    }

    private static int Ready(SafeFileHandle answer)
    {
        using (answer)
            FileDescriptors.Write(answer.Number(), "."u8);
        return 0;
    }

    private static SafeFileHandle Take(Arguments arguments, string name)
    {
        var descriptor = int.Parse(arguments.Value(name)!, CultureInfo.InvariantCulture);
        FileDescriptors.SetCloseOnExec(descriptor, true);
        return new SafeFileHandle(descriptor, true);
    }

    private static string SocketPath(string root) => Path.Combine(root, KeeperProtocol.SocketName);

    private static string LockPath(string root) => Path.Combine(root, "keeper.lock");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
