using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;
using Orchestrator.Runtime.Supervision;

namespace Orchestrator.Runtime.Verbs;

/// <summary>
/// Starts a container under a supervisor that outlives the caller. A managed process cannot fork and go on, so the supervisor is this program
/// again, in a session and a group of its own; the caller gets its one line of answer through a pipe.
/// </summary>
internal static class SuperviseVerb
{
    /// <summary>Says that this is the supervisor; the value is the program's path on the host.</summary>
    private const string Supervising = "--supervising";
    private const int AnswerPipe = LaunchDescriptors.ErrorPipeInChild;
    private const long DefaultLogBytes = 10 << 20, DefaultLogFiles = 3;

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, [], [Supervising, "--bundle", "-b", "--log", "--log-max-bytes", "--log-files"], 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        if (arguments.Value("--log") is null)
            throw new UsageException("--log FILE is missing");
        return arguments.Value(Supervising) is { } program ? Supervise(root, container, bundle, program, arguments) : Detach(root, args, container, bundle);
    }

    private static int Detach(string root, string[] args, Container container, string bundle)
    {
        try
        {
            var path = ContainerLaunch.CgroupPath(Container.ReadConfig(bundle), container.Id);
            var (said, error) = AskSupervisor(root, args, path);
            if (said is [(byte)'{', ..] && Answer(said) == 0)
                return 0;
            SupervisorGroup.RemoveIfUnused(path);
            return said is [(byte)'{', ..] ? 1 : Answer(new SuperviseReport { Error = error });
        }
        catch (Exception e) when (Program.IsRefusal(e))
        {
            return Answer(new SuperviseReport { Error = e.Message });
        }
    }

    /// <returns>The supervisor's line; or, when it did not come so far as to say one, what happened to it.</returns>
    private static (byte[] Said, string Error) AskSupervisor(string root, string[] args, string cgroupPath)
    {
        var layout = CgroupLayout.Read();
        var group = SupervisorGroup.Beside(layout, cgroupPath);
        using var hold = SupervisorGroup.CreateAndHold(layout, group);
        using var answer = LaunchPipes.Create();
        using var program = LaunchPipes.MoveUp(ProcessImage.OpenSealed());
        string[] arguments = ["orc-runtime", "--root", root, "supervise", Supervising, ProcessImage.Path, .. args];
        var tape = SupervisorSteps.Compile(layout, group.Path, answer.Writer.Number(), program.Number(), arguments);
        using var child = LaunchSupervisor(tape, layout, group, answer);
        answer.Writer.Dispose();
        var said = ReadAll(answer.Reader);
        if (said.AsSpan().StartsWith("{\"pid\""u8))
            return (said, "");
        var status = Processes.Reap(child.PidFd);
        return (said, Launcher.ParseFailure(said) is { } failure
            ? FailureText.Describe(tape, failure, arguments)
            : $"the supervisor ended with {status.Code} and said nothing");
    }

    private static ChildProcess LaunchSupervisor(Tape tape, CgroupLayout layout, Cgroup group, Pipe answer)
    {
        using var unified = layout.Unified is { } u ? FileSystem.Open(u.Directory(group.Path), OpenFlags.Path | OpenFlags.Directory) : null;
        return Launcher.Launch(tape, answer.Writer.Number(), new CloneOptions(CgroupFd: unified?.Number() ?? -1));
    }

    private static int Supervise(string root, Container container, string bundle, string program, Arguments arguments)
    {
        FileDescriptors.SetCloseOnExec(AnswerPipe, true);
        var log = Path.GetFullPath(arguments.Value("--log")!);
        var (bytes, files) = (arguments.Number("--log-max-bytes", DefaultLogBytes), (int)arguments.Number("--log-files", DefaultLogFiles));
        // Relative paths are resolved by now, and the caller's directory must not be kept busy.
        Environment.CurrentDirectory = "/";
        using var output = LaunchPipes.Create();
        using var errors = LaunchPipes.Create();
        ContainerLaunch launch;
        ChildProcess child;
        try
        {
            using (FileSystem.Open(log, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append, ContainerLog.Mode))
                (launch, child) = Start(container, bundle, program, output, errors);
        }
        catch (Exception e) when (Program.IsRefusal(e))
        {
            FileDescriptors.Write(AnswerPipe, Line(new SuperviseReport { Error = e.Message }));
            return 1;
        }
        FileDescriptors.Write(AnswerPipe, Line(new SuperviseReport { Pid = child.Pid, Supervisor = ProcessImage.Pid }));
        int[] streams = launch.Terminal is { } terminal ? [terminal.Number()] : [output.Reader.Number(), errors.Reader.Number()];
        KeepVerb.Become(root, container.Id, log, bytes, files, child.PidFd, streams);
        return 0;
    }

    private static (ContainerLaunch, ChildProcess) Start(Container container, string bundle, string program, Pipe output, Pipe errors)
    {
        using var errorPipe = LaunchPipes.Create();
        using var goPipe = LaunchPipes.Create();
        var launch = new ContainerLaunch(container, bundle, Container.ReadConfig(bundle), program);
        var descriptors = new LaunchDescriptors(errorPipe.Writer.Number(), goPipe.Reader.Number(), goPipe.Writer.Number(), 0, output.Writer.Number(), errors.Writer.Number());
        var self = ProcessImage.Pid;
        return (launch, launch.Start(errorPipe, descriptors, (self, Processes.StartTime(self)!.Value)));
    }

    private static byte[] Line(SuperviseReport report) => [.. JsonSerializer.SerializeToUtf8Bytes(report, ContainerJson.Default.SuperviseReport), (byte)'\n'];

    private static int Answer(SuperviseReport report) => Answer(Line(report));

    private static int Answer(byte[] line)
    {
        FileDescriptors.Write(1, line);
        return line.AsSpan().StartsWith("{\"pid\""u8) ? 0 : 1;
    }

    private static byte[] ReadAll(SafeFileHandle reader)
    {
        var all = new List<byte>();
        var buffer = new byte[4096];
        for (int count; (count = FileDescriptors.Read(reader.Number(), buffer)) > 0;)
            all.AddRange(buffer.AsSpan(0, count));
        return [.. all];
    }
}
