using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Compose.Values;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>What is written behind options of `orc run`, as Docker reads it. Each refusal is a <see cref="FormatException"/> that says what is accepted.</summary>
internal static class FlagValues
{
    private const string PortAccepted = "expected [IP:][PORT:]PORT[/tcp|udp], or ranges of the same length for both";

    /// <summary>"8080:80", "127.0.0.1:8080:80/udp", "80", "127.0.0.1::80", "8000-8010:80-90".</summary>
    public static IReadOnlyList<PortSpec> Ports(string text)
    {
        var slash = text.LastIndexOf('/');
        var protocol = slash < 0 ? Protocol.Tcp : text[(slash + 1)..].ToLowerInvariant() switch
        {
            "tcp" => Protocol.Tcp,
            "udp" => Protocol.Udp,
            _ => throw new FormatException("expected tcp or udp after /"),
        };
        var parts = (slash < 0 ? text : text[..slash]).Split(':');
        if (parts.Length > 3)
            throw new FormatException(PortAccepted);
        var target = Range(parts[^1]);
        var published = parts.Length > 1 && parts[^2].Length > 0 ? Range(parts[^2]) : null;
        var address = parts.Length == 3 ? Address(parts[0]) : "";
        if (published is not null && published.Count != target!.Count)
            throw new FormatException(PortAccepted);
        return [.. target!.Select((t, i) => new PortSpec { Target = t, Published = published?[i] ?? 0, Protocol = protocol, HostIp = address, Mode = PortMode.Host })];
    }

    /// <summary>"NAME:/path[:ro]", "/host:/path[:options]", "/path".</summary>
    public static MountSpec Volume(string text)
    {
        var parts = text.Split(':');
        if (parts.Length > 3 || parts.Any(p => p.Length == 0))
            throw new FormatException("expected [NAME|/HOST/PATH:]/CONTAINER/PATH[:ro|rw]");
        if (parts.Length == 1)
            return new MountSpec { Type = MountType.Volume, Target = Absolute(parts[0]) };
        var mount = new MountSpec { Target = Absolute(parts[1]) };
        (mount.Type, mount.Source) = parts[0][0] is '/' or '.' or '~' ? (MountType.Bind, HostPath(parts[0])) : (MountType.Volume, parts[0]);
        foreach (var option in parts.Length == 3 ? parts[2].Split(',') : [])
            Apply(mount, option);
        return mount;
    }

    /// <summary>"type=bind,source=/a,target=/b,readonly".</summary>
    public static MountSpec Mount(string text)
    {
        var mount = new MountSpec { Type = MountType.Volume };
        foreach (var field in text.Split(','))
        {
            var parts = field.Split('=', 2);
            Apply(mount, parts[0].Trim().ToLowerInvariant(), parts.ElementAtOrDefault(1));
        }
        if (mount.Target.Length == 0)
            throw new FormatException("target= is missing");
        if (mount.Type == MountType.Bind && mount.Source.Length == 0)
            throw new FormatException("a bind mount needs source=");
        return mount;
    }

    /// <summary>"/run", "/run:size=64m,mode=1777,ro".</summary>
    public static MountSpec Tmpfs(string text)
    {
        var parts = text.Split(':', 2);
        var mount = new MountSpec { Type = MountType.Tmpfs, Target = Absolute(parts[0]) };
        foreach (var option in parts.Length == 2 ? parts[1].Split(',', StringSplitOptions.RemoveEmptyEntries) : [])
        {
            var pair = option.Split('=', 2);
            switch (pair)
            {
                case ["size", var size]: mount.TmpfsSizeBytes = Bytes(size); break;
                case ["mode", var mode]: mount.TmpfsMode = Octal(mode); break;
                case ["ro"]: mount.ReadOnly = true; break;
                case ["rw" or "noexec" or "exec" or "nosuid" or "suid" or "nodev" or "dev"] when pair[0] is "rw" or "nosuid" or "nodev" or "exec": break;
                default: throw new FormatException($"option \"{option}\" is not known; accepted: size=, mode=, ro, rw");
            }
        }
        return mount;
    }

    /// <summary>"nofile=1024:2048", "nproc=100".</summary>
    public static Ulimit Ulimit(string text)
    {
        const string accepted = "expected NAME=SOFT[:HARD], such as nofile=1024:2048; -1 is no limit";
        if (text.Split('=', 2) is not [{ Length: > 0 } name, var values] || values.Split(':') is not [var soft, ..] limits || limits.Length > 2)
            throw new FormatException(accepted);
        if (!TryLong(soft, out var softLimit) || !TryLong(limits[^1], out var hardLimit) || (hardLimit >= 0 && (softLimit < 0 || softLimit > hardLimit)))
            throw new FormatException(accepted);
        return new Ulimit { Name = name, Soft = softLimit, Hard = hardLimit };
    }

    /// <summary>"/dev/fuse", "/dev/sda:/dev/xvda:r".</summary>
    public static Device Device(string text)
    {
        var parts = text.Split(':');
        var isMode = parts[^1].Length > 0 && parts[^1].All(c => c is 'r' or 'w' or 'm');
        var permissions = parts.Length > 1 && isMode ? parts[^1] : "rwm";
        var paths = parts.Length > 1 && isMode ? parts[..^1] : parts;
        if (paths.Length > 2 || paths.Any(p => !p.StartsWith('/')))
            throw new FormatException("expected /DEVICE[:/IN/CONTAINER][:rwm]");
        return new Device { Source = paths[0], Target = paths[^1], Permissions = permissions };
    }

    /// <summary>"no", "always", "unless-stopped", "on-failure[:N]".</summary>
    public static LocalRestart Restart(string text)
    {
        var parts = text.Split(':', 2);
        var attempts = 0;
        if (parts.Length == 2 && (parts[0] != "on-failure" || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out attempts)))
            throw new FormatException("expected no, always, unless-stopped or on-failure[:N]");
        return new LocalRestart
        {
            Attempts = attempts,
            Policy = parts[0] switch
            {
                "no" or "" => LocalRestartPolicy.Never,
                "always" => LocalRestartPolicy.Always,
                "unless-stopped" => LocalRestartPolicy.UnlessStopped,
                "on-failure" => LocalRestartPolicy.OnFailed,
                _ => throw new FormatException("expected no, always, unless-stopped or on-failure[:N]"),
            },
        };
    }

    /// <summary>The lines of an environment file: NAME=VALUE, NAME alone for the value that is set here; # begins a comment.</summary>
    public static IEnumerable<(string Name, string Value)> EnvironmentLines(IEnumerable<string> lines, Func<string, string?> here)
    {
        foreach (var line in lines.Select(l => l.TrimStart().TrimEnd('\r')).Where(l => l.Length > 0 && !l.StartsWith('#')))
            if (Variable(line, here) is { } variable)
                yield return variable;
    }

    /// <summary>NAME=VALUE, or NAME for the value that is set here; null when it is not.</summary>
    public static (string Name, string Value)? Variable(string text, Func<string, string?> here)
    {
        var parts = text.Split('=', 2);
        if (parts[0].Length == 0 || parts[0].Any(char.IsWhiteSpace))
            throw new FormatException("expected NAME=VALUE or NAME");
        return (parts.ElementAtOrDefault(1) ?? here(parts[0])) is { } value ? (parts[0], value) : null;
    }

    private static void Apply(MountSpec mount, string option)
    {
        switch (option)
        {
            case "ro": mount.ReadOnly = true; break;
            // Ours are private, and SELinux is not used.
            case "rw" or "z" or "Z" or "private" or "rprivate" or "cached" or "delegated" or "consistent": break;
            default: throw new FormatException($"option \"{option}\" is not known; accepted: ro, rw");
        }
    }

    private static void Apply(MountSpec mount, string key, string? value)
    {
        switch (key)
        {
            case "type":
                mount.Type = value switch
                {
                    "bind" => MountType.Bind,
                    "volume" => MountType.Volume,
                    "tmpfs" => MountType.Tmpfs,
                    _ => throw new FormatException("type: expected bind, volume or tmpfs"),
                };
                break;
            case "source" or "src" when value is not null: mount.Source = mount.Type == MountType.Bind ? HostPath(value) : value; break;
            case "target" or "dst" or "destination" when value is not null: mount.Target = Absolute(value); break;
            case "readonly" or "ro": mount.ReadOnly = value is null or "true" or "1"; break;
            case "volume-subpath" when value is not null: mount.Subpath = value; break;
            case "tmpfs-size" when value is not null: mount.TmpfsSizeBytes = Bytes(value); break;
            case "tmpfs-mode" when value is not null: mount.TmpfsMode = Octal(value); break;
            case "bind-create-src" or "create-host-path": mount.CreateHostPath = value is null or "true" or "1"; break;
            case "bind-propagation" when value is "private" or "rprivate": break;
            default: throw new FormatException($"\"{key}\" is not known; accepted: type, source, target, readonly, volume-subpath, tmpfs-size, tmpfs-mode, bind-create-src");
        }
    }

    private static List<int>? Range(string text)
    {
        var ends = text.Split('-');
        if (ends.Length > 2 || ends.Any(e => !int.TryParse(e, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535))
            throw new FormatException(PortAccepted);
        var (first, last) = (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[^1], CultureInfo.InvariantCulture));
        return last < first ? throw new FormatException(PortAccepted) : [.. Enumerable.Range(first, last - first + 1)];
    }

    private static string Address(string text) =>
        text.Length == 0 ? "" : text.Count(c => c == '.') == 3 && IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork ? address.ToString()
        : throw new FormatException($"\"{text}\" is no IPv4 address of this machine");

    private static string Absolute(string path) => path.StartsWith('/') ? path : throw new FormatException($"\"{path}\" is not absolute, as a path in a container must be");

    private static string HostPath(string path) =>
        Path.GetFullPath(path.StartsWith("~/", StringComparison.Ordinal) ? (Environment.GetEnvironmentVariable("HOME") ?? "/root") + path[1..] : path);

    private static long Bytes(string text) => ByteSize.TryParse(text, out var bytes) ? bytes : throw new FormatException($"size: expected {ByteSize.Accepted}");

    private static int Octal(string text) => text.Length is > 0 and < 6 && text.All(c => c is >= '0' and <= '7')
        ? Convert.ToInt32(text, 8) : throw new FormatException("mode: expected octal digits, as in 1777");

    private static bool TryLong(string text, out long value)
    {
        if (text is "unlimited" or "infinity")
            text = "-1";
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= -1;
    }
}
