using System.CommandLine;
using Orchestrator.Cli.Terminal;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>How one stays with a container.</summary>
internal sealed class AttachOptions
{
    private readonly Option<string> _keys = new("--detach-keys") { Description = "keys that leave it running [ctrl-p,ctrl-q]", HelpName = "KEYS", DefaultValueFactory = _ => "ctrl-p,ctrl-q" };
    private readonly Option<bool> _proxy = new("--sig-proxy") { Description = "pass signals on to it [true]", DefaultValueFactory = _ => true };

    public void AddTo(Command command)
    {
        command.Add(_keys);
        command.Add(_proxy);
    }

    /// <param name="shown">Of "stdout" and "stderr"; null: both.</param>
    public AttachStream Stream(Session session, ParseResult parse, string id, AttachStart start, IReadOnlyList<string>? shown = null)
    {
        start.Name = id;
        try
        {
            return new AttachStream(session, start, DetachKeys.Parse(parse.GetRequiredValue(_keys)), parse.GetValue(_proxy), shown ?? ["stdout", "stderr"]);
        }
        catch (FormatException e)
        {
            throw new RefusedException($"--detach-keys: {e.Message}", ExitCode.Usage);
        }
    }
}
