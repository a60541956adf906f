using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>What one does with a container that is there.</summary>
internal static class LifeCommands
{
    public static Command Start(Shell shell)
    {
        var names = ContainerCommands.Names();
        var stay = Flag.Switch("--attach", "stay with it", "-a");
        var interactive = Flag.Switch("--interactive", "pass standard input on", "-i");
        var attach = new AttachOptions();
        var command = new Command("start", "Start containers that do not run") { names, stay, interactive };
        attach.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var wanted = parse.GetRequiredValue(names);
            if (!parse.GetValue(stay) && !parse.GetValue(interactive))
                return await EachAsync(session, wanted, n => session.Containers.StartAsync(new LocalName { Name = n }, cancellationToken: cancellation).ResponseAsync);
            if (wanted.Length > 1)
                throw new RefusedException("one can stay with one container only", ExitCode.Usage);
            var container = await session.Containers.InspectAsync(new LocalName { Name = wanted[0] }, cancellationToken: cancellation);
            var start = new AttachStart { Start = true, Stdin = parse.GetValue(interactive), Tty = container.Spec.Container.Tty };
            return await attach.Stream(session, parse, container.Id, start).RunAsync();
        });
    }

    public static Command Attach(Shell shell)
    {
        var name = ContainerCommands.Name();
        var noInput = Flag.Switch("--no-stdin", "do not pass standard input on");
        var attach = new AttachOptions();
        var command = new Command("attach", "See what a running container writes, and type into it; ctrl-p ctrl-q leaves") { name, noInput };
        attach.AddTo(command);
        return shell.On(command, async (session, parse, cancellation) =>
        {
            var container = await session.Containers.InspectAsync(new LocalName { Name = parse.GetRequiredValue(name) }, cancellationToken: cancellation);
            if (container.State != LocalState.LocalRunning)
                throw new RefusedException($"container {container.Name} does not run{(container.State == LocalState.LocalPaused ? ": it is paused" : "")}");
            var start = new AttachStart { Stdin = container.Spec.Container.StdinOpen && !parse.GetValue(noInput), Tty = container.Spec.Container.Tty };
            return await attach.Stream(session, parse, container.Id, start).RunAsync();
        });
    }

    public static Command Stop(Shell shell) => Ending("stop", "Stop containers: their stop signal, and SIGKILL after the timeout",
        shell, (session, request, cancellation) => session.Containers.StopAsync(request, cancellationToken: cancellation).ResponseAsync);

    public static Command Restart(Shell shell) => Ending("restart", "Stop containers and start them again",
        shell, (session, request, cancellation) => session.Containers.RestartAsync(request, cancellationToken: cancellation).ResponseAsync);

    public static Command Kill(Shell shell)
    {
        var names = ContainerCommands.Names();
        var signal = Flag.Text("--signal", "SIGNAL", "signal [SIGKILL]", "-s");
        return shell.On(new Command("kill", "Send a signal to containers") { names, signal }, (session, parse, cancellation) =>
            EachAsync(session, parse.GetRequiredValue(names), n =>
                session.Containers.KillAsync(new KillLocalRequest { Name = n, Signal = parse.GetValue(signal) ?? "" }, cancellationToken: cancellation).ResponseAsync));
    }

    public static Command Pause(Shell shell) => Simple(shell, "pause", "Stop all processes of containers where they are",
        (session, name, cancellation) => session.Containers.PauseAsync(name, cancellationToken: cancellation).ResponseAsync);

    public static Command Unpause(Shell shell) => Simple(shell, "unpause", "Let paused containers go on",
        (session, name, cancellation) => session.Containers.UnpauseAsync(name, cancellationToken: cancellation).ResponseAsync);

    public static Command Wait(Shell shell)
    {
        var names = ContainerCommands.Names();
        return shell.On(new Command("wait", "Wait until containers have ended, and print their exit codes") { names }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                var answer = await session.Containers.WaitAsync(new WaitLocalRequest { Name = name }, cancellationToken: cancellation);
                session.Out.WriteLine(answer.ExitCode.ToString(CultureInfo.InvariantCulture));
            }
            return ExitCode.Done;
        });
    }

    public static Command Rename(Shell shell)
    {
        var name = ContainerCommands.Name();
        var to = new Argument<string>("NAME") { Description = "its new name" };
        return shell.On(new Command("rename", "Give a container another name") { name, to }, async (session, parse, cancellation) =>
        {
            await session.Containers.RenameAsync(new RenameLocalRequest { Name = parse.GetRequiredValue(name), To = parse.GetRequiredValue(to) }, cancellationToken: cancellation);
            return ExitCode.Done;
        });
    }

    public static Command Update(Shell shell)
    {
        var names = ContainerCommands.Names();
        var limits = new LimitOptions();
        var restart = Flag.Parsed<LocalRestart?>("--restart", "POLICY", "whether it starts again", FlagValues.Restart);
        var command = new Command("update", "Change what containers may use, also while they run") { names, restart };
        limits.AddTo(command);
        return shell.On(command, (session, parse, cancellation) =>
        {
            var request = Update(parse, limits);
            request.Restart = parse.GetValue(restart);
            return EachAsync(session, parse.GetRequiredValue(names), n =>
            {
                var one = request.Clone();
                one.Name = n;
                return session.Containers.UpdateAsync(one, cancellationToken: cancellation).ResponseAsync;
            });
        });
    }

    public static Command Remove(Shell shell)
    {
        var names = ContainerCommands.Names();
        var force = Flag.Switch("--force", "also those that run: they are killed", "-f");
        var volumes = Flag.Switch("--volumes", "their anonymous volumes too", "-v");
        return shell.On(new Command("rm", "Remove containers of this machine") { names, force, volumes }, (session, parse, cancellation) =>
            EachAsync(session, parse.GetRequiredValue(names), n => RemoveAsync(session, n, parse.GetValue(force), parse.GetValue(volumes), cancellation)));
    }

    /// <summary>All of them, also after one has failed; each name is printed when it is done.</summary>
    public static async Task<int> EachAsync(Session session, IEnumerable<string> names, Func<string, Task> act)
    {
        var failed = false;
        foreach (var name in names)
        {
            try
            {
                await act(name);
                session.Out.WriteLine(name);
            }
            catch (RpcException e) when (e.StatusCode is not (StatusCode.Unavailable or StatusCode.Cancelled))
            {
                session.Error.WriteLine($"orc: {Text.OneLine(e.Status.Detail)}");
                failed = true;
            }
        }
        return failed ? ExitCode.Failed : ExitCode.Done;
    }

    private static async Task RemoveAsync(Session session, string name, bool force, bool volumes, CancellationToken cancellation)
    {
        try
        {
            await session.Containers.RemoveAsync(new RemoveLocalRequest { Name = name, Force = force, Volumes = volumes }, cancellationToken: cancellation);
        }
        catch (RpcException e) when (force && e.StatusCode == StatusCode.NotFound)
        {
            // As `rm -f`: what is not there is gone.
            session.Error.WriteLine($"orc: {Text.OneLine(e.Status.Detail)}");
        }
    }

    private static Command Simple(Shell shell, string verb, string description, Func<Session, LocalName, CancellationToken, Task> act)
    {
        var names = ContainerCommands.Names();
        return shell.On(new Command(verb, description) { names }, (session, parse, cancellation) =>
            EachAsync(session, parse.GetRequiredValue(names), n => act(session, new LocalName { Name = n }, cancellation)));
    }

    private static Command Ending(string verb, string description, Shell shell, Func<Session, StopLocalRequest, CancellationToken, Task> act)
    {
        var names = ContainerCommands.Names();
        var timeout = Flag.Number("--time", "seconds until it is killed [the container's own, 10]; -1: never", "-t", "--timeout");
        var signal = Flag.Text("--signal", "SIGNAL", "signal [the container's own]", "-s");
        return shell.On(new Command(verb, description) { names, timeout, signal }, (session, parse, cancellation) => EachAsync(session, parse.GetRequiredValue(names), n =>
        {
            var request = new StopLocalRequest { Name = n, Signal = parse.GetValue(signal) ?? "" };
            if (parse.GetValue(timeout) is { } seconds)
                request.TimeoutMs = seconds < 0 ? -1 : seconds * 1000;
            return act(session, request, cancellation);
        }));
    }

    private static UpdateLocalRequest Update(ParseResult parse, LimitOptions limits)
    {
        var request = new UpdateLocalRequest();
        if (parse.GetValue(limits.NanoCpus) is { } cpus)
            request.NanoCpus = cpus;
        if (parse.GetValue(limits.Memory) is { } memory)
            request.MemoryBytes = memory;
        if (parse.GetValue(limits.MemorySwap) is { } swap)
            request.MemorySwapBytes = swap;
        if (parse.GetValue(limits.MemoryReservation) is { } reservation)
            request.MemoryReservationBytes = reservation;
        if (parse.GetValue(limits.Pids) is { } pids)
            request.Pids = pids;
        if (parse.GetValue(limits.CpusetCpus) is { } cores)
            request.CpusetCpus = cores;
        if (parse.GetValue(limits.CpusetMems) is { } nodes)
            request.CpusetMems = nodes;
        if (parse.GetValue(limits.CpuShares) is { } shares)
            request.CpuShares = shares;
        if (parse.GetValue(limits.BlkioWeight) is { } weight)
            request.BlkioWeight = (int)weight;
        return request;
    }
}
