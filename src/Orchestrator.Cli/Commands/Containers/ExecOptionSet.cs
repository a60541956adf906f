using System.CommandLine;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>A command to run in a container that is there.</summary>
internal sealed class ExecOptionSet(string where)
{
    private readonly Option<bool> _interactive = Flag.Switch("--interactive", "pass standard input on", "-i");
    private readonly Option<bool> _tty = Flag.Switch("--tty", "give it a terminal", "-t");
    private readonly Option<bool> _detach = Flag.Switch("--detach", "do not wait for it (in a container of this machine)", "-d");
    private readonly Option<string?> _user = Flag.Text("--user", "USER[:GROUP]", "run as this user", "-u");
    private readonly Option<string?> _directory = Flag.Text("--workdir", "DIR", "run in this directory", "-w");
    private readonly Option<string[]> _environment = Flag.Many("--env", "NAME[=VALUE]", "environment variable; a name alone passes it on", "-e");
    private readonly Option<string[]> _files = Flag.Many("--env-file", "FILE", "file of environment variables");
    private readonly Argument<string[]> _words = new(where)
    {
        Description = "a container of this machine, else a replica (SERVICE.SLOT such as web.1, STACK/SERVICE.SLOT, or the beginning of an id); then the program and its arguments",
        Arity = ArgumentArity.OneOrMore,
        CaptureRemainingTokens = true,
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _interactive, _tty, _detach, _user, _directory, _environment, _files })
            command.Add(option);
        command.Add(_words);
    }

    /// <exception cref="RefusedException">No command, or a variable that is none.</exception>
    public ExecStart Read(ParseResult parse)
    {
        var words = parse.GetRequiredValue(_words).Where((w, i) => i != 1 || w != "--").ToArray();
        if (words.Length < 2)
            throw new RefusedException($"what is to run in {words[0]} is missing (try: orc exec --help)", ExitCode.Usage);
        var start = new ExecStart
        {
            Replica = words[0],
            Tty = parse.GetValue(_tty),
            Interactive = parse.GetValue(_interactive),
            Detach = parse.GetValue(_detach),
            User = parse.GetValue(_user) ?? "",
            WorkingDir = parse.GetValue(_directory) ?? "",
        };
        start.Command.AddRange(words[1..]);
        foreach (var lines in Flag.Each(parse, _files, f => FlagValues.EnvironmentLines(Lines(f), Environment.GetEnvironmentVariable).ToList()))
            foreach (var (name, value) in lines)
                start.Environment[name] = value;
        foreach (var variable in Flag.Each(parse, _environment, t => FlagValues.Variable(t, Environment.GetEnvironmentVariable)))
            if (variable is var (name, value))
                start.Environment[name] = value;
        return start;
    }

    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : throw new FormatException("there is no such file");
}
