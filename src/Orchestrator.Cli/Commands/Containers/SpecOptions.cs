using System.CommandLine;
using Orchestrator.Compose.Values;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>The options of `orc run` and `orc create` that say what a container is to be, by Docker's names.</summary>
internal sealed class SpecOptions
{
    public Option<string?> Name { get; } = Flag.Text("--name", "NAME", "its name [two words made up]");
    public Option<bool> Interactive { get; } = Flag.Switch("--interactive", "keep its standard input open", "-i");
    public Option<bool> Tty { get; } = Flag.Switch("--tty", "give it a terminal", "-t");
    private readonly Option<bool> _remove = Flag.Switch("--rm", "remove it when it has ended, with its anonymous volumes");
    private readonly Option<string[]> _publish = Flag.Many("--publish", "[IP:][PORT:]PORT[/udp]", "make its port one of this machine", "-p");
    public Option<bool> PublishAll { get; } = Flag.Switch("--publish-all", "every port that the image exposes, at one that is free", "-P");
    private readonly Option<string[]> _expose = Flag.Many("--expose", "PORT[/udp]", "a port that it listens on, for --publish-all");
    private readonly Option<string[]> _volumes = Flag.Many("--volume", "[NAME|/HOST:]/PATH[:ro]", "mount a volume or a directory of this machine", "-v");
    private readonly Option<string[]> _mounts = Flag.Many("--mount", "type=...,source=...,target=...", "mount a volume, a directory or a tmpfs");
    private readonly Option<string[]> _volumesFrom = Flag.Many("--volumes-from", "NAME[:ro]", "all volumes and directories that another container has");
    private readonly Option<string[]> _tmpfs = Flag.Many("--tmpfs", "/PATH[:size=64m]", "mount memory");
    private readonly Option<string[]> _environment = Flag.Many("--env", "NAME[=VALUE]", "environment variable; a name alone passes it on", "-e");
    private readonly Option<string[]> _environmentFiles = Flag.Many("--env-file", "FILE", "file of environment variables");
    private readonly Option<string?> _directory = Flag.Text("--workdir", "DIR", "working directory", "-w");
    private readonly Option<string?> _user = Flag.Text("--user", "USER[:GROUP]", "run as this user", "-u");
    private readonly Option<string[]> _groups = Flag.Many("--group-add", "GROUP", "further group");
    private readonly Option<string?> _network = Flag.Text("--network", "bridge|host|none|container:NAME", "its network [bridge]", "--net");
    private readonly Option<string[]> _aliases = Flag.Many("--network-alias", "NAME", "further name in the machine's network");
    private readonly Option<string?> _hostname = Flag.Text("--hostname", "NAME", "its host name [its id]", "-h");
    private readonly Option<string?> _domainname = Flag.Text("--domainname", "NAME", "its domain name");
    private readonly Option<string[]> _hosts = Flag.Many("--add-host", "NAME:ADDRESS", "line of /etc/hosts; host-gateway is this machine");
    private readonly Option<string[]> _dns = Flag.Many("--dns", "ADDRESS", "name server [the network's]");
    private readonly Option<string[]> _dnsSearch = Flag.Many("--dns-search", "DOMAIN", "where names are looked for");
    private readonly Option<string[]> _dnsOptions = Flag.Many("--dns-option", "OPTION", "option of the resolver", "--dns-opt");
    private readonly Option<LocalRestart?> _restart = Flag.Parsed<LocalRestart?>("--restart", "no|always|unless-stopped|on-failure[:N]", "whether it starts again [no]", FlagValues.Restart);
    private readonly Option<bool> _init = Flag.Switch("--init", "a small init as its process 1");
    private readonly Option<bool> _privileged = Flag.Switch("--privileged", "all capabilities and devices, nothing filtered or hidden");
    private readonly Option<string[]> _addCapabilities = Flag.Many("--cap-add", "NAME", "capability it also has");
    private readonly Option<string[]> _dropCapabilities = Flag.Many("--cap-drop", "NAME", "capability it has not");
    private readonly Option<string[]> _security = Flag.Many("--security-opt", "OPTION", "no-new-privileges, seccomp=unconfined, seccomp=FILE");
    private readonly Option<bool> _readOnly = Flag.Switch("--read-only", "its root cannot be written");
    private readonly Option<long?> _shmSize = Flag.Size("--shm-size", "size of /dev/shm [64m]");
    private readonly Option<string[]> _ulimits = Flag.Many("--ulimit", "NAME=SOFT[:HARD]", "limit of its processes");
    private readonly Option<string[]> _sysctls = Flag.Many("--sysctl", "NAME=VALUE", "setting of the kernel in its namespaces");
    private readonly Option<string[]> _devices = Flag.Many("--device", "/DEV[:/DEV][:rwm]", "device of this machine");
    private readonly Option<string[]> _labels = Flag.Many("--label", "NAME[=VALUE]", "label", "-l");
    private readonly Option<string[]> _labelFiles = Flag.Many("--label-file", "FILE", "file of labels");
    private readonly Option<string?> _entrypoint = Flag.Text("--entrypoint", "PROGRAM", "instead of the image's; empty for none");
    private readonly Option<string?> _stopSignal = Flag.Text("--stop-signal", "SIGNAL", "signal that stops it [the image's, SIGTERM]");
    private readonly Option<long?> _stopTimeout = Flag.Number("--stop-timeout", "seconds until it is killed [10]");
    private readonly Option<string?> _pid = Flag.Text("--pid", "host|container:NAME", "see the machine's processes, or another container's");
    private readonly Option<string?> _ipc = Flag.Text("--ipc", "host", "share the machine's memory segments and queues");
    private readonly Option<long?> _oomScore = Flag.Number("--oom-score-adj", "how soon it is killed when memory is short");
    private readonly Option<string?> _logDriver = Flag.Text("--log-driver", "json-file|local", "accepted for Docker's sake: the log is always kept here");
    private readonly Option<string[]> _logOptions = Flag.Many("--log-opt", "max-size=10m|max-file=3", "when its log is rotated, and how many files it has");
    private readonly Option<string?> _platform = Flag.Text("--platform", "OS/ARCH", "accepted for Docker's sake: this machine's");
    private readonly Option<bool> _quiet = Flag.Switch("--quiet", "no progress of a pull", "-q");
    private readonly LimitOptions _limits = new();
    private readonly HealthOptions _health = new();

    public Option<string?> Pull { get; } = Flag.Text("--pull", "missing|always|never", "when the image is pulled [missing]");
    public Option<string?> IdFile { get; } = Flag.Text("--cidfile", "FILE", "write the container's id there");

    public bool Quiet(ParseResult parse) => parse.GetValue(_quiet);

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            Name, Interactive, Tty, _remove, _publish, PublishAll, _expose, _volumes, _volumesFrom, _mounts, _tmpfs, _environment, _environmentFiles, _directory, _user, _groups,
            _network, _aliases, _hostname, _domainname, _hosts, _dns, _dnsSearch, _dnsOptions, _restart, _init, _privileged, _addCapabilities, _dropCapabilities,
            _security, _readOnly, _shmSize, _ulimits, _sysctls, _devices, _labels, _labelFiles, _entrypoint, _stopSignal, _stopTimeout, _pid, _ipc, _oomScore,
            _logDriver, _logOptions, _platform, _quiet, Pull, IdFile,
        })
            command.Add(option);
        _limits.AddTo(command);
        _health.AddTo(command);
    }

    /// <param name="words">The image, and the command if there is one.</param>
    /// <exception cref="RefusedException">A value that cannot be read.</exception>
    public LocalSpec Read(ParseResult parse, IReadOnlyList<string> words)
    {
        var spec = new LocalSpec
        {
            Container = Container(parse, words),
            Limits = _limits.Read(parse),
            Network = parse.GetValue(_network) ?? "",
            Restart = parse.GetValue(_restart) ?? new LocalRestart(),
            AutoRemove = parse.GetValue(_remove),
            Log = Log(parse),
        };
        spec.Ports.AddRange(Flag.Each(parse, _publish, FlagValues.Ports).SelectMany(p => p));
        spec.VolumesFrom.AddRange(parse.GetValue(_volumesFrom) ?? []);
        spec.NetworkAliases.AddRange(parse.GetValue(_aliases) ?? []);
        return spec;
    }

    /// <summary>"80/tcp": what --expose names.</summary>
    public IEnumerable<string> Exposed(ParseResult parse) => parse.GetValue(_expose) ?? [];

    private ContainerSpec Container(ParseResult parse, IReadOnlyList<string> words)
    {
        var container = new ContainerSpec
        {
            Image = words[0],
            CommandSet = words.Count > 1,
            WorkingDir = parse.GetValue(_directory) ?? "",
            User = parse.GetValue(_user) ?? "",
            Hostname = parse.GetValue(_hostname) ?? "",
            Domainname = parse.GetValue(_domainname) ?? "",
            Init = parse.GetValue(_init),
            Privileged = parse.GetValue(_privileged),
            ReadOnly = parse.GetValue(_readOnly),
            ShmSizeBytes = parse.GetValue(_shmSize) ?? 0,
            StopSignal = parse.GetValue(_stopSignal) ?? "",
            StopGracePeriodMs = Grace(parse.GetValue(_stopTimeout)),
            Tty = parse.GetValue(Tty),
            StdinOpen = parse.GetValue(Interactive),
            PidMode = Shared(parse, _pid, containers: true),
            IpcMode = Shared(parse, _ipc, containers: false),
            OomScoreAdj = (int)(parse.GetValue(_oomScore) ?? 0),
            Healthcheck = _health.Read(parse),
        };
        container.Command.AddRange(words.Skip(1));
        if (parse.GetValue(_entrypoint) is { } entrypoint)
        {
            container.EntrypointSet = true;
            if (entrypoint.Length > 0)
                container.Entrypoint.Add(entrypoint);
        }
        AddLists(container, parse);
        return container;
    }

    private void AddLists(ContainerSpec container, ParseResult parse)
    {
        foreach (var (name, value) in Variables(parse))
            container.Environment[name] = value;
        foreach (var (name, value) in Labels(parse))
            container.Labels[name] = value;
        foreach (var pair in Flag.Each(parse, _sysctls, t => t.Split('=', 2) is [{ Length: > 0 }, _] p ? p : throw new FormatException("expected NAME=VALUE")))
            container.Sysctls[pair[0]] = pair[1];
        container.Mounts.AddRange(Flag.Each(parse, _volumes, FlagValues.Volume));
        container.Mounts.AddRange(Flag.Each(parse, _mounts, FlagValues.Mount));
        container.Mounts.AddRange(Flag.Each(parse, _tmpfs, FlagValues.Tmpfs));
        container.Ulimits.AddRange(Flag.Each(parse, _ulimits, FlagValues.Ulimit));
        container.Devices.AddRange(Flag.Each(parse, _devices, FlagValues.Device));
        container.SecurityOptions.AddRange(Flag.Each(parse, _security, SecurityOption));
        container.GroupAdd.AddRange(parse.GetValue(_groups) ?? []);
        container.CapAdd.AddRange(parse.GetValue(_addCapabilities) ?? []);
        container.CapDrop.AddRange(parse.GetValue(_dropCapabilities) ?? []);
        container.ExtraHosts.AddRange(parse.GetValue(_hosts) ?? []);
        container.Dns.AddRange(parse.GetValue(_dns) ?? []);
        container.DnsSearch.AddRange(parse.GetValue(_dnsSearch) ?? []);
        container.DnsOptions.AddRange(parse.GetValue(_dnsOptions) ?? []);
    }

    private IEnumerable<(string Name, string Value)> Variables(ParseResult parse)
    {
        foreach (var (name, value) in Flag.Each(parse, _environmentFiles, f => FlagValues.EnvironmentLines(Lines(f), Environment.GetEnvironmentVariable).ToList()).SelectMany(l => l))
            yield return (name, value);
        foreach (var variable in Flag.Each(parse, _environment, t => FlagValues.Variable(t, Environment.GetEnvironmentVariable)))
            if (variable is { } set)
                yield return set;
    }

    private IEnumerable<(string Name, string Value)> Labels(ParseResult parse)
    {
        var lines = (parse.GetValue(_labelFiles) ?? []).SelectMany(Lines).Where(l => l.Length > 0 && !l.StartsWith('#'));
        return lines.Concat(parse.GetValue(_labels) ?? []).Select(l => l.Split('=', 2)).Select(l => (l[0], l.ElementAtOrDefault(1) ?? ""));
    }

    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : throw new FormatException("there is no such file");

    private static long Grace(long? seconds) => seconds switch
    {
        null => 0,
        < 0 => -1,
        0 => 1,
        _ => seconds.Value * 1000,
    };

    private static string Shared(ParseResult parse, Option<string?> option, bool containers) => parse.GetValue(option) switch
    {
        null or "" or "private" or "shareable" => "",
        "host" => "host",
        var other when containers && other.StartsWith("container:", StringComparison.Ordinal) => other,
        var other => throw new RefusedException($"{option.Name} {other}: accepted: host{(containers ? ", container:NAME" : "")}", Cli.ExitCode.Usage),
    };

    private static string SecurityOption(string text) => text switch
    {
        "no-new-privileges" or "no-new-privileges:true" or "no-new-privileges=true" => "no-new-privileges",
        "no-new-privileges:false" or "no-new-privileges=false" or "apparmor=unconfined" or "apparmor:unconfined" or "label=disable" or "label:disable" => text,
        "seccomp=unconfined" or "seccomp:unconfined" => "seccomp=unconfined",
        // The profile itself: the agent may see other files than this program.
        _ when text.StartsWith("seccomp=", StringComparison.Ordinal) => "seccomp=" + string.Join('\n', Lines(text[8..])),
        _ => throw new FormatException("accepted: no-new-privileges, seccomp=unconfined, seccomp=FILE; AppArmor and SELinux are not supported"),
    };

    private LogOptions Log(ParseResult parse)
    {
        if (parse.GetValue(_logDriver) is { } driver and not ("json-file" or "local" or "journald"))
            throw new RefusedException($"--log-driver {driver}: logs are kept on this machine; accepted: json-file, local", Cli.ExitCode.Usage);
        var log = new LogOptions();
        foreach (var (name, value) in Flag.Each(parse, _logOptions, t => t.Split('=', 2) is [var n, var v] ? (n, v) : throw new FormatException("expected NAME=VALUE")))
        {
            if (name == "max-size" && ByteSize.TryParse(value, out var bytes) && bytes > 0)
                log.MaxSizeBytes = bytes;
            else if (name == "max-file" && int.TryParse(value, out var files) && files > 0)
                log.MaxFiles = files;
            else
                throw new RefusedException($"--log-opt {name}={value}: accepted: max-size=BYTES, max-file=N", Cli.ExitCode.Usage);
        }
        return log;
    }
}
