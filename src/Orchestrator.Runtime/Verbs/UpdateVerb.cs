using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Containers;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Changes the limits of a container: those that are named, the others stay.</summary>
internal static class UpdateVerb
{
    private static readonly string[] s_values =
    [
        "--resources", "-r", "--blkio-weight", "--cpu-period", "--cpu-quota", "--cpu-burst", "--cpu-share", "--cpu-rt-period", "--cpu-rt-runtime",
        "--cpuset-cpus", "--cpuset-mems", "--cpu-idle", "--kernel-memory", "--kernel-memory-tcp", "--memory", "--memory-reservation", "--memory-swap", "--pids-limit",
    ];

    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, [], s_values, 2);
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = container.RequireProcess(record, "update");
        var change = arguments.Value("--resources", "-r") is { } file ? Read(file) : FromOptions(arguments);
        var merged = ResourceChange.Merge(container.Resources(record), change);
        var layout = Container.Cgroups;
        LimitWriter.Write(new Cgroup(layout, record.CgroupPath), CgroupSetting.From(ResourceChange.Named(merged, change), layout));
        container.Save(merged);
        return 0;
    }

    private static ResourcesConfig Read(string file)
    {
        if (file != "-")
            return ResourcesConfig.Parse(File.ReadAllBytes(file));
        var all = new List<byte>();
        var buffer = new byte[4096];
        for (int count; (count = FileDescriptors.Read(0, buffer)) > 0;)
            all.AddRange(buffer.AsSpan(0, count));
        return ResourcesConfig.Parse([.. all]);
    }

    private static ResourcesConfig FromOptions(Arguments arguments)
    {
        var (memory, cpu) = (Memory(arguments), Cpu(arguments));
        return new ResourcesConfig
        {
            Memory = memory == new MemoryResources() ? null : memory,
            Cpu = cpu == new CpuResources() ? null : cpu,
            Pids = Number(arguments, "--pids-limit") is { } pids ? new PidsResources { Limit = pids } : null,
            BlockIo = Number(arguments, "--blkio-weight") is { } weight ? new BlockIoResources { Weight = (ushort)Math.Clamp(weight, 0, ushort.MaxValue) } : null,
        };
    }

    private static MemoryResources Memory(Arguments arguments) => new()
    {
        Limit = Bytes(arguments, "--memory"),
        Reservation = Bytes(arguments, "--memory-reservation"),
        Swap = Bytes(arguments, "--memory-swap"),
        KernelTCP = Bytes(arguments, "--kernel-memory-tcp"),
    };

    private static CpuResources Cpu(Arguments arguments) => new()
    {
        Shares = (ulong?)Number(arguments, "--cpu-share"),
        Quota = Number(arguments, "--cpu-quota"),
        Burst = (ulong?)Number(arguments, "--cpu-burst"),
        Period = (ulong?)Number(arguments, "--cpu-period"),
        RealtimePeriod = (ulong?)Number(arguments, "--cpu-rt-period"),
        RealtimeRuntime = Number(arguments, "--cpu-rt-runtime"),
        Cpus = arguments.Value("--cpuset-cpus"),
        Mems = arguments.Value("--cpuset-mems"),
        Idle = Number(arguments, "--cpu-idle"),
    };

    private static long? Number(Arguments arguments, string name) => arguments.Value(name) switch
    {
        null or "" => null,
        var text when long.TryParse(text, CultureInfo.InvariantCulture, out var number) => number,
        var text => throw new UsageException($"{name}: \"{text}\" is no number"),
    };

    /// <summary>As in 67108864, 64m or 64MiB; -1 is no limit.</summary>
    private static long? Bytes(Arguments arguments, string name)
    {
        if (arguments.Value(name) is not { Length: > 0 } text)
            return null;
        var digits = text.TakeWhile(c => char.IsAsciiDigit(c) || c == '-').Count();
        var shift = text[digits..].ToLowerInvariant() switch
        {
            "" or "b" => 0,
            "k" or "kb" or "kib" => 10,
            "m" or "mb" or "mib" => 20,
            "g" or "gb" or "gib" => 30,
            "t" or "tb" or "tib" => 40,
            _ => -1,
        };
        return shift >= 0 && long.TryParse(text.AsSpan(0, digits), CultureInfo.InvariantCulture, out var number)
            ? number < 0 ? -1 : checked(number << shift)
            : throw new UsageException($"{name}: \"{text}\" is no size; accepted: as in 64m, or -1 for no limit");
    }
}
