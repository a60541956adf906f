using System.CommandLine;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Commands.Containers;
using Orchestrator.Cli.Output;
using Orchestrator.Compose.Values;
using Orchestrator.Oci;
using Orchestrator.Oci.Archives;

namespace Orchestrator.Cli.Commands;

/// <summary>Images of this machine, and putting images into a registry, which needs neither cluster nor agent.</summary>
internal static class ImageCommands
{
    private static readonly Option<string[]> s_insecure = new("--insecure-registry")
    {
        Description = "registry to speak to in plain HTTP; loopback ones always are",
        HelpName = "HOST[:PORT]",
    };

    public static Command Create(Shell shell)
    {
        var command = new Command("image", "Images of this machine, and putting images into a registry") { Import(shell), Push(shell) };
        foreach (var local in LocalImageCommands.All(shell))
            command.Add(local);
        return command;
    }

    private static Command Import(Shell shell)
    {
        var tar = new Argument<string>("ROOTFS") { Description = "tar of a root file system: plain, gzip or zstd" };
        var target = Target();
        var configuration = new ImageConfigurationOptions();
        var command = new Command("import", "Make an image of a root file system and put it into its registry") { tar, target, s_insecure };
        configuration.AddTo(command);
        return shell.On(command, (session, parse, cancellation) => PublishAsync(session, parse, target, (publisher, reference, progress) =>
            publisher.ImportAsync([Existing(parse.GetRequiredValue(tar))], reference, configuration.Read(parse), progress, cancellation)));
    }

    private static Command Push(Shell shell)
    {
        var archive = new Argument<string>("ARCHIVE") { Description = "file made by `docker save`, or a tar of an OCI layout" };
        var target = Target();
        return shell.On(new Command("push", "Put the image in an archive into a registry") { archive, target, s_insecure }, (session, parse, cancellation) =>
            PublishAsync(session, parse, target, (publisher, reference, progress) =>
                publisher.PushArchiveAsync(Existing(parse.GetRequiredValue(archive)), reference, progress, cancellation)));
    }

    private static async Task<int> PublishAsync(
        Session session, ParseResult parse, Argument<string> target, Func<ImagePublisher, ImageReference, IProgress<PushProgress>?, Task<Digest>> publish)
    {
        if (!ImageReference.TryParse(parse.GetRequiredValue(target), out var reference, out var error))
            throw new RefusedException(error, ExitCode.Usage);
        using var registry = new RegistryClient(new RegistryOptions { InsecureRegistries = (parse.GetValue(s_insecure) ?? []).ToHashSet() });
        try
        {
            var digest = await publish(new ImagePublisher(registry), reference, session.Streams.Terminal && !session.Json ? new PushLine(session) : null);
            session.Out.Write(session.Json
                ? JsonOutput.Text(new JsonObject { ["image"] = reference.ToString(), ["digest"] = digest.ToString() })
                : $"{reference} {digest}\n");
            return ExitCode.Done;
        }
        catch (RegistryException e)
        {
            throw new RefusedException(e.Message);
        }
        catch (FormatException e)
        {
            throw new RefusedException(e.Message, ExitCode.Usage);
        }
    }

    private static Argument<string> Target() => new("REFERENCE") { Description = "where it goes: REGISTRY/REPOSITORY:TAG" };

    private static string Existing(string path) => File.Exists(path) ? path : throw new RefusedException($"there is no file {path}", ExitCode.Usage);

    /// <summary>One line on the terminal, written over and over.</summary>
    private sealed class PushLine(Session session) : IProgress<PushProgress>
    {
        private long _shownMs;

        public void Report(PushProgress value)
        {
            var now = Environment.TickCount64;
            if (now - _shownMs < 100 && value.Bytes < value.Total)
                return;
            _shownMs = now;
            session.Error.Write($"\r\u001b[2K{Text.OneLine(value.What)}: {Model.Amount.Bytes(value.Bytes)} of {Model.Amount.Bytes(value.Total)}{(value.Bytes >= value.Total ? "\n" : "")}");
        }
    }

    /// <summary>How containers of an imported image run.</summary>
    private sealed class ImageConfigurationOptions
    {
        private readonly Option<string?> _cmd = new("--cmd") { Description = "default command, split as a shell would", HelpName = "COMMAND" };
        private readonly Option<string?> _entrypoint = new("--entrypoint") { Description = "entrypoint, split as a shell would", HelpName = "COMMAND" };
        private readonly Option<string[]> _environment = new("--env", "-e") { Description = "environment variable", HelpName = "NAME=VALUE" };
        private readonly Option<string?> _user = new("--user", "-u") { Description = "user, and group after a colon", HelpName = "USER" };
        private readonly Option<string?> _workingDirectory = new("--workdir", "-w") { Description = "working directory", HelpName = "DIR" };
        private readonly Option<string?> _stopSignal = new("--stop-signal") { Description = "signal that stops it", HelpName = "SIGNAL" };
        private readonly Option<string[]> _expose = new("--expose") { Description = "port that it listens on", HelpName = "PORT[/udp]" };
        private readonly Option<string[]> _volumes = new("--volume") { Description = "directory that holds data", HelpName = "DIR" };
        private readonly Option<string[]> _labels = new("--label") { Description = "label of the image", HelpName = "NAME=VALUE" };
        private readonly Option<string?> _platform = new("--platform") { Description = "what it runs on [this machine's]", HelpName = "OS/ARCH" };

        public void AddTo(Command command)
        {
            foreach (var option in new Option[] { _cmd, _entrypoint, _environment, _user, _workingDirectory, _stopSignal, _expose, _volumes, _labels, _platform })
                command.Add(option);
        }

        public ImportOptions Read(ParseResult parse) => new()
        {
            Cmd = Words(parse.GetValue(_cmd)),
            Entrypoint = Words(parse.GetValue(_entrypoint)),
            Env = parse.GetValue(_environment) ?? [],
            User = parse.GetValue(_user),
            WorkingDir = parse.GetValue(_workingDirectory),
            StopSignal = parse.GetValue(_stopSignal),
            ExposedPorts = parse.GetValue(_expose) ?? [],
            Volumes = parse.GetValue(_volumes) ?? [],
            Labels = (parse.GetValue(_labels) ?? []).Select(l => l.Split('=', 2)).ToDictionary(l => l[0], l => l.ElementAtOrDefault(1) ?? ""),
            Platform = parse.GetValue(_platform) is { } platform ? Platform.Parse(platform) : Platform.Current,
        };

        private static IReadOnlyList<string>? Words(string? line) => line is null ? null
            : ShellWords.Split(line) ?? throw new RefusedException($"got \"{line}\"; expected a command line in which every quote is closed", ExitCode.Usage);
    }
}
