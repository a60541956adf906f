using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Verbs;

/// <summary>The process that <c>exec</c> starts: from a file, or the container's own with what the command line changes.</summary>
internal static class ExecProcess
{
    public static ProcessConfig From(RuntimeConfig config, Arguments arguments)
    {
        if (arguments.Value("--process", "-p") is { } file)
            return ProcessConfig.Parse(File.ReadAllBytes(file));
        if (arguments.Rest.Count == 0)
            throw new UsageException("the command is missing");
        var process = config.Process!;
        return process with
        {
            Terminal = arguments.Has("--tty", "-t"),
            ConsoleSize = null,
            Args = arguments.Rest,
            Env = [.. process.Env, .. arguments.Values("--env", "-e")],
            Cwd = arguments.Value("--cwd") ?? process.Cwd,
            User = User(process.User, arguments),
            Capabilities = Capabilities(process.Capabilities, [.. arguments.Values("--cap", "-c")]),
            ApparmorProfile = arguments.Value("--apparmor") is { Length: > 0 } profile ? profile : process.ApparmorProfile,
            SelinuxLabel = arguments.Value("--process-label") is { Length: > 0 } label ? label : process.SelinuxLabel,
            NoNewPrivileges = process.NoNewPrivileges || arguments.Has("--no-new-privs"),
        };
    }

    // Not inheritable: a program with file capabilities would gain them (CVE-2022-29162).
    private static CapabilitiesConfig? Capabilities(CapabilitiesConfig? own, string[] more) => more.Length == 0 ? own : (own ?? new CapabilitiesConfig()) with
    {
        Bounding = [.. own?.Bounding ?? [], .. more],
        Effective = [.. own?.Effective ?? [], .. more],
        Permitted = [.. own?.Permitted ?? [], .. more],
    };

    private static UserConfig User(UserConfig own, Arguments arguments)
    {
        var user = arguments.Value("--user", "-u") is { } text ? User(text) : own;
        var more = arguments.Values("--additional-gids", "-g").SelectMany(g => g.Split(',')).Select(Group).ToArray();
        return user with { AdditionalGids = [.. user.AdditionalGids, .. more] };
    }

    private static uint Group(string text) =>
        uint.TryParse(text, out var gid) ? gid : throw new UsageException($"--additional-gids: \"{text}\" is no group; accepted: its number");

    private static UserConfig User(string text)
    {
        var parts = text.Split(':');
        var gid = 0u;
        if (parts.Length > 2 || !uint.TryParse(parts[0], out var uid) || (parts.Length == 2 && !uint.TryParse(parts[1], out gid)))
            throw new UsageException($"--user: \"{text}\" is no user; accepted: UID or UID:GID");
        return new UserConfig { Uid = uid, Gid = gid };
    }
}
