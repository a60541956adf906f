using System.Text;
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
        return arguments.Value(Supervising) is { } program ? Supervise(root, container, bundle, program, arguments) : Detach(root, args, container, bundle);
    }

    private static int Detach(string root, string[] args, Container container, string bundle)
    {
        try
        {
            using var answer = LaunchPipes.Create();
            var group = ContainerLaunch.CgroupPath(Container.ReadConfig(bundle), container.Id);
            using var child = LaunchSupervisor(root, args, group, answer);
            answer.Writer.Dispose();
            var line = ReadAll(answer.Reader);
            if (Answer(line) == 0)
                return 0;
            var status = Processes.Reap(child.PidFd);
            SupervisorGroup.RemoveIfUnused(group);
            return line.Length > 0 ? 1 : Answer(Line(new SuperviseReport { Error = $"the supervisor ended: {status}" }));
        }
        catch (Exception e) when (Program.IsRefusal(e))
        {
            return Answer(Line(new SuperviseReport { Error = e.Message }));
        }
    }

    private static ChildProcess LaunchSupervisor(string root, string[] args, string cgroupPath, Pipe answer)
    {
        var layout = CgroupLayout.Read();
        var group = SupervisorGroup.Beside(layout, cgroupPath);
        group.Create();
        using var program = LaunchPipes.MoveUp(ProcessImage.OpenSealed());
        string[] arguments = ["orc-runtime", "--root", root, "supervise", Supervising, ProcessImage.Path, .. args];
        var tape = SupervisorSteps.Compile(layout, group.Path, answer.Writer.Number(), program.Number(), arguments);
        using var unified = layout.Unified is { } u ? FileSystem.Open(u.Directory(group.Path), OpenFlags.Path | OpenFlags.Directory) : null;
        return Launcher.Launch(tape, answer.Writer.Number(), new CloneOptions(CgroupFd: unified?.Number() ?? -1));
    }

    private static int Supervise(string root, Container container, string bundle, string program, Arguments arguments)
    {
        FileDescriptors.SetCloseOnExec(AnswerPipe, true);
        var log = Path.GetFullPath(arguments.Value("--log") ?? throw new UsageException("--log FILE is missing"));
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

    private static string Line(SuperviseReport report) => JsonSerializer.Serialize(report, ContainerJson.Default.SuperviseReport) + "\n";

    private static int Answer(string line)
    {
        FileDescriptors.Write(1, line);
        return line.StartsWith("{\"pid\"", StringComparison.Ordinal) ? 0 : 1;
    }

    private static string ReadAll(SafeFileHandle reader)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        for (int count; (count = FileDescriptors.Read(reader.Number(), buffer)) > 0;)
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        return text.ToString();
    }
}
