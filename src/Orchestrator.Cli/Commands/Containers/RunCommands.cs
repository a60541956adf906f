using System.CommandLine;
using Grpc.Core;
using Orchestrator.Model;
using Orchestrator.Oci;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>`orc run` and `orc create`: a container on this machine.</summary>
internal static class RunCommands
{
    public static Command Run(Shell shell)
    {
        var spec = new SpecOptions();
        var attach = new AttachOptions();
        var detach = Flag.Switch("--detach", "print its id and leave it running", "-d");
        var streams = Flag.Many("--attach", "stdin|stdout|stderr", "which streams to stay with [all]", "-a");
        var words = Words();
        var command = new Command("run", "Run a container on this machine: pull its image if needed, make it, start it, stay with it") { detach, streams, words };
        spec.AddTo(command);
        attach.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var asked = parse.GetValue(detach);
            if (!asked)
                CheckTerminal(parse, spec);
            var attached = Attached(parse, streams, asked);
            var id = await MadeAsync(session, parse, spec, parse.GetRequiredValue(words), !asked, cancellation);
            if (!asked)
                return await attach.Stream(session, parse, id, Start(parse, spec, attached), attached).RunAsync();
            await StartAsync(session, id, cancellation);
            session.Out.WriteLine(id);
            return ExitCode.Done;
        });
    }

    public static Command Create(Shell shell)
    {
        var spec = new SpecOptions();
        var words = Words();
        var command = new Command("create", "Make a container on this machine; `orc start` starts it") { words };
        spec.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            session.Out.WriteLine(await MadeAsync(session, parse, spec, parse.GetRequiredValue(words), false, cancellation));
            return ExitCode.Done;
        });
    }

    /// <summary>Starts it and turns a refusal into the exit code that a shell has for it.</summary>
    public static async Task StartAsync(Session session, string id, CancellationToken cancellation)
    {
        try
        {
            await session.Containers.StartAsync(new LocalName { Name = id }, cancellationToken: cancellation);
        }
        catch (RpcException e)
        {
            throw await NotStartedAsync(session, id, e);
        }
    }

    /// <summary>What could not be started: 127 no such command, 126 it cannot run, 125 anything else. One with --rm goes.</summary>
    public static async Task<RefusedException> NotStartedAsync(Session session, string id, RpcException e)
    {
        var code = ExitCode.NotMade;
        try
        {
            var container = await session.Containers.InspectAsync(new LocalName { Name = id });
            code = container.ExitCode is 126 or 127 ? container.ExitCode : code;
            if (container.Spec.AutoRemove)
                await session.Containers.RemoveAsync(new RemoveLocalRequest { Name = id, Force = true, Volumes = true });
        }
        catch (RpcException)
        {
            // It is gone already.
        }
        return new RefusedException(e.Status.Detail, code);
    }

    private static Argument<string[]> Words() =>
        new("IMAGE [COMMAND]") { Description = "the image, and what to run in it instead of the image's command", Arity = ArgumentArity.OneOrMore, CaptureRemainingTokens = true };

    private static void CheckTerminal(ParseResult parse, SpecOptions spec)
    {
        if (parse.GetValue(spec.Tty) && parse.GetValue(spec.Interactive) && Console.IsInputRedirected)
            throw new RefusedException("-i and -t together need a terminal, but standard input is none; leave -t out", ExitCode.NotMade);
    }

    // Docker's: with -a only what is named, else all.
    private static string[] Attached(ParseResult parse, Option<string[]> streams, bool detached)
    {
        var named = Flag.Each(parse, streams, t => t.ToLowerInvariant() is var name && (name is "stdin" or "stdout" or "stderr") ? name : throw new FormatException("accepted: stdin, stdout, stderr")).ToArray();
        return named.Length == 0 ? ["stdin", "stdout", "stderr"]
            : detached ? throw new RefusedException("-a and -d exclude each other", ExitCode.NotMade) : named;
    }

    private static AttachStart Start(ParseResult parse, SpecOptions spec, string[] attached) =>
        new() { Start = true, Stdin = parse.GetValue(spec.Interactive) && attached.Contains("stdin"), Tty = parse.GetValue(spec.Tty) };

    private static async Task<string> MadeAsync(Session session, ParseResult parse, SpecOptions options, string[] words, bool stays, CancellationToken cancellation)
    {
        try
        {
            if (parse.GetValue(options.IdFile) is { } taken && File.Exists(taken))
                throw new RefusedException($"--cidfile: {taken} exists; remove it, or name another file", ExitCode.NotMade);
            var spec = options.Read(parse, words);
            spec.StdinOnce = stays;
            var image = await LocalImageFlow.EnsureAsync(session, words[0], parse.GetValue(options.Pull) ?? "missing", options.Quiet(parse), cancellation);
            if (parse.GetValue(options.PublishAll))
                PublishAll(spec, image, options.Exposed(parse));
            var made = await session.Containers.CreateAsync(new CreateLocalRequest { Name = parse.GetValue(options.Name) ?? "", Spec = spec }, cancellationToken: cancellation);
            session.Warn(made.Warnings);
            if (parse.GetValue(options.IdFile) is { } file)
                await File.WriteAllTextAsync(file, made.Id, cancellation);
            return made.Id;
        }
        catch (RpcException e) when (!cancellation.IsCancellationRequested)
        {
            throw new RefusedException(e.Status.Detail, ExitCode.NotMade);
        }
        catch (RefusedException e) when (e.ExitCode != ExitCode.NotMade)
        {
            throw new RefusedException(e.Message, ExitCode.NotMade);
        }
    }

    private static void PublishAll(LocalSpec spec, LocalImage image, IEnumerable<string> exposed)
    {
        var config = System.Text.Json.JsonSerializer.Deserialize(image.Config.Span, OciJson.Default.ImageConfig);
        foreach (var port in (config?.ExposedPorts ?? []).Concat(exposed).SelectMany(FlagValues.Ports))
            if (!spec.Ports.Any(p => p.Target == port.Target && p.Protocol == port.Protocol))
                spec.Ports.Add(port);
    }
}
