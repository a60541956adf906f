using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Limits that are written beside <c>deploy</c>. Those that <c>deploy.resources</c> has too must not say something else there.</summary>
internal static class LimitReader
{
    private const long UsualPeriod = 100_000;

    private static readonly Keys<Resources> s_blockKeys = new("blkio_config", new Dictionary<string, string>
    {
        ["weight_device"] = "write weight, which holds for all disks",
        ["device_read_bps"] = "",
        ["device_read_iops"] = "",
        ["device_write_bps"] = "",
        ["device_write_iops"] = "",
    })
    {
        { "weight", (f, r) => r.BlkioWeight = f.Integer(10, 1000) ?? 0 },
    };

    public static void Cpus(Field field, ServiceDraft service) =>
        Limit(field, service, ValueReaders.NanoCpus(field), "cpus", r => r.NanoCpus, (r, v) => r.NanoCpus = v);

    public static void CpuPeriod(Field field, ServiceDraft service)
    {
        service.CpuPeriod = field.Integer(1000, 1_000_000);
        service.Afterwards(() => field.WarnIf(!service.HasCpuQuota, "has no effect without cpu_quota"));
    }

    /// <summary>Microseconds of <c>cpu_period</c>: the same as a number of cores.</summary>
    public static void CpuQuota(Field field, ServiceDraft service)
    {
        service.HasCpuQuota = true;
        if (field.Integer(-1) is not ({ } quota and > 0))
            return;
        service.Afterwards(() =>
        {
            var cpus = quota * 1_000_000_000L / (service.CpuPeriod ?? UsualPeriod);
            Limit(field, service, cpus, "cpus", r => r.NanoCpus, (r, v) => r.NanoCpus = v);
        });
    }

    public static void Memory(Field field, ServiceDraft service) =>
        Limit(field, service, ValueReaders.Bytes(field), "memory", r => r.MemoryBytes, (r, v) => r.MemoryBytes = v);

    public static void Pids(Field field, ServiceDraft service) =>
        Limit(field, service, field.Integer(-1) is > 0 and { } pids ? pids : null, "pids", r => r.Pids, (r, v) => r.Pids = v);

    public static void MemoryReservation(Field field, ServiceDraft service)
    {
        if (ValueReaders.Bytes(field) is { } bytes)
            service.Afterwards(() =>
                Set(field, service.Spec.Reservations ??= new Resources(), bytes, "reservations.memory", r => r.MemoryBytes, (r, v) => r.MemoryBytes = v));
        service.LimitField = field;
    }

    public static void MemorySwap(Field field, ServiceDraft service)
    {
        var unlimited = field.Node is Yaml.YamlScalar { Value: "-1" };
        if ((unlimited ? -1 : ValueReaders.Bytes(field)) is { } bytes)
            // After mem_limit, which may stand below.
            service.Afterwards(() => service.Afterwards(() => SetSwap(field, service.Limits, bytes)));
    }

    public static void BlockIo(Field field, ServiceDraft service) => s_blockKeys.Read(field, service.Limits);

    public static string Cores(Field field)
    {
        const string accepted = "cores such as \"0-2,4\"";
        var text = field.Written(accepted) ?? "0";
        if (!text.Split(',').All(range => range.Split('-') is { Length: 1 or 2 } ends && ends.All(e => e.Length is > 0 and < 6 && e.All(char.IsAsciiDigit))))
            field.Expected(accepted);
        return text;
    }

    private static void SetSwap(Field field, Resources limits, long bytes)
    {
        if (bytes > 0 && limits.MemoryBytes == 0)
            field.Refuse("counts memory and swap together, so it needs mem_limit too");
        else if (bytes > 0 && bytes < limits.MemoryBytes)
            field.Refuse("counts memory and swap together, so it cannot be less than mem_limit");
        limits.MemorySwapBytes = bytes;
    }

    private static void Limit(Field field, ServiceDraft service, long? value, string key, Func<Resources, long> get, Action<Resources, long> set)
    {
        if (value is { } wanted)
            service.Afterwards(() => Set(field, service.Limits, wanted, $"limits.{key}", get, set));
        if (key != "pids")
            service.LimitField = field;
    }

    private static void Set(Field field, Resources resources, long wanted, string key, Func<Resources, long> get, Action<Resources, long> set)
    {
        if (get(resources) is var said and not 0 && said != wanted)
            field.Refuse($"says something else than deploy.resources.{key}; keep one of them");
        set(resources, wanted);
    }
}
