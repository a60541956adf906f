using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Linux.Tapes;
using Orchestrator.Oci.Runtime;
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
    private const string InSupervisor = "--in-supervisor";
    private const int AnswerPipe = LaunchDescriptors.ErrorPipeInChild, LowestOwn = 10;
    private const long DefaultLogBytes = 10 << 20, DefaultLogFiles = 3;

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, [InSupervisor], ["--bundle", "-b", "--log", "--log-max-bytes", "--log-files"], 1);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var bundle = Path.GetFullPath(arguments.Value("--bundle", "-b") ?? ".");
        return arguments.Has(InSupervisor) ? Supervise(container, bundle, arguments) : Detach(root, args, container, bundle);
    }

    private static int Detach(string root, string[] args, Container container, string bundle)
    {
        try
        {
            using var answer = FileDescriptors.CreatePipe();
            using var child = LaunchSupervisor(root, args, ContainerLaunch.CgroupPath(Container.ReadConfig(bundle), container.Id), answer);
            answer.Writer.Dispose();
            var line = ReadAll(answer.Reader);
            return Answer(line.Length > 0 ? line : Line(new SuperviseReport { Error = $"the supervisor ended: {Processes.Reap(child.PidFd)}" }));
        }
        catch (Exception e) when (e is RefusedException or RuntimeConfigException or LinuxException or IOException)
        {
            return Answer(Line(new SuperviseReport { Error = e.Message }));
        }
    }

    private static ChildProcess LaunchSupervisor(string root, string[] args, string cgroupPath, Pipe answer)
    {
        var layout = CgroupLayout.Read();
        var group = SupervisorGroup.Beside(layout, cgroupPath);
        group.Create();
        using var program = FileDescriptors.MoveUp(ProcessImage.OpenSealed(), LowestOwn);
        var tape = SupervisorSteps.Compile(layout, group.Path, answer.Writer.Number(), program.Number(), ["orc-runtime", "--root", root, "supervise", InSupervisor, .. args]);
        using var unified = layout.Unified is { } u ? FileSystem.Open(u.Directory(group.Path), OpenFlags.Path | OpenFlags.Directory) : null;
        return Launcher.Launch(tape, answer.Writer.Number(), new CloneOptions(CgroupFd: unified?.Number() ?? -1));
    }

    private static int Supervise(Container container, string bundle, Arguments arguments)
    {
        FileDescriptors.SetCloseOnExec(AnswerPipe, true);
        using var answer = new SafeFileHandle(AnswerPipe, true);
        using var log = new ContainerLog(
            Path.GetFullPath(arguments.Value("--log") ?? throw new UsageException("--log FILE is missing")),
            arguments.Number("--log-max-bytes", DefaultLogBytes), (int)arguments.Number("--log-files", DefaultLogFiles));
        // Relative paths are resolved by now, and the caller's directory must not be kept busy.
        Environment.CurrentDirectory = "/";
        ContainerLaunch launch;
        ChildProcess child;
        using var output = OwnPipe();
        using var errors = OwnPipe();
        try
        {
            (launch, child) = Start(container, bundle, output, errors);
        }
        catch (Exception e) when (e is RefusedException or RuntimeConfigException or LinuxException or JsonException or IOException or UnauthorizedAccessException)
        {
            FileDescriptors.Write(AnswerPipe, Line(new SuperviseReport { Error = e.Message }));
            return 1;
        }
        output.Writer.Dispose();
        errors.Writer.Dispose();
        FileDescriptors.Write(AnswerPipe, Line(new SuperviseReport { Pid = child.Pid, Supervisor = ProcessImage.Pid }));
        answer.Dispose();
        var supervisor = new Supervisor(container, launch.Record!, child);
        if (launch.Terminal is { } terminal)
            supervisor.Run([new StreamLines("stdout", log)], [terminal.Number()]);
        else
            supervisor.Run([new StreamLines("stdout", log), new StreamLines("stderr", log)], [output.Reader.Number(), errors.Reader.Number()]);
        return 0;
    }

    private static (ContainerLaunch, ChildProcess) Start(Container container, string bundle, Pipe output, Pipe errors)
    {
        using var errorPipe = OwnPipe();
        using var goPipe = OwnPipe();
        var launch = new ContainerLaunch(container, bundle, Container.ReadConfig(bundle));
        var descriptors = new LaunchDescriptors(errorPipe.Writer.Number(), goPipe.Reader.Number(), 0, output.Writer.Number(), errors.Writer.Number(), goPipe.Writer.Number());
        var self = ProcessImage.Pid;
        return (launch, launch.Start(errorPipe, descriptors, waitsForStart: false, (self, Processes.StartTime(self)!.Value)));
    }

    private static Pipe OwnPipe()
    {
        var pipe = FileDescriptors.CreatePipe();
        return new Pipe(FileDescriptors.MoveUp(pipe.Reader, LowestOwn), FileDescriptors.MoveUp(pipe.Writer, LowestOwn));
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
