using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>One file of the container's group, and what is written to it before the container starts.</summary>
/// <param name="Controller">Decides the hierarchy; <c>cgroup</c> for the files that every version 2 group has.</param>
public sealed record CgroupSetting(string Controller, string File, string Value, string Field)
{
    /// <summary>Instead of a file: a program that decides about devices.</summary>
    public byte[]? Program { get; init; }

    /// <summary>What takes this one's place on kernels without the file.</summary>
    public CgroupSetting? Else { get; init; }

    /// <summary>A kernel without the file does not need it.</summary>
    public bool IsOptional { get; init; }

    /// <summary>A file of the group whose number the value must not be below.</summary>
    public string? NotBelow { get; init; }

    public override string ToString() => Program is { } program
        ? $"      {Controller}: a device program of {program.Length / 8} instructions  # {Field}"
        : $"      {Controller}: {File} = {Value}  # {Field}";

    /// <summary>linux.resources for the machine's version of each controller.</summary>
    /// <exception cref="RuntimeConfigException">A limit whose controller the machine does not have, or that its version cannot keep.</exception>
    public static IReadOnlyList<CgroupSetting> From(ResourcesConfig? resources, CgroupLayout layout)
    {
        if (resources is null)
            return [];
        var settings = new CgroupSettings(layout);
        DeviceRules.Add(settings, resources.Devices);
        CgroupMemory.Add(settings, resources.Memory);
        CgroupCpu.Add(settings, resources.Cpu);
        if (resources.Pids is { } pids)
            settings.Add("pids", "pids.max", "pids.max", CgroupSettings.Max(pids.Limit == 0 ? -1 : pids.Limit), "pids.limit");
        CgroupBlockIo.Add(settings, resources.BlockIo);
        AddHugepages(settings, resources.HugepageLimits);
        AddNetwork(settings, resources.Network);
        foreach (var (name, rdma) in resources.Rdma.OrderBy(r => r.Key, StringComparer.Ordinal))
            settings.Add("rdma", "rdma.max", "rdma.max", $"{name}{Part(" hca_handle=", rdma.HcaHandles)}{Part(" hca_object=", rdma.HcaObjects)}", $"rdma[{name}]");
        AddUnified(settings, resources.Unified);
        return settings.All;
    }

    // Reservations as well as use, where the kernel knows them apart.
    private static void AddHugepages(CgroupSettings settings, IReadOnlyList<HugepageLimit> limits)
    {
        for (var i = 0; i < limits.Count; i++)
        {
            var (size, value, field) = (limits[i].PageSize, $"{limits[i].Limit}", $"hugepageLimits[{i}]");
            settings.Add("hugetlb", $"hugetlb.{size}.limit_in_bytes", $"hugetlb.{size}.max", value, field);
            settings.Add("hugetlb", $"hugetlb.{size}.rsvd.limit_in_bytes", $"hugetlb.{size}.rsvd.max", value, field, isOptional: true);
        }
    }

    private static void AddNetwork(CgroupSettings settings, NetworkResources? network)
    {
        if (network?.ClassID is { } id)
            settings.Add("net_cls", "net_cls.classid", null, $"{id}", "network.classID");
        for (var i = 0; i < (network?.Priorities.Count ?? 0); i++)
            settings.Add("net_prio", "net_prio.ifpriomap", null, $"{network!.Priorities[i].Name} {network.Priorities[i].Priority}", $"network.priorities[{i}]");
    }

    private static void AddUnified(CgroupSettings settings, IReadOnlyDictionary<string, string> unified)
    {
        foreach (var (file, value) in unified.OrderBy(u => u.Key, StringComparer.Ordinal))
        {
            var field = $"linux.resources.unified[{file}]";
            var controller = file.Split('.')[0];
            if (file.Contains('/', StringComparison.Ordinal))
                throw new RuntimeConfigException(field, "is no file of a group; accepted: as in memory.high");
            if (settings.Layout.Unified is null)
                throw new RuntimeConfigException(field, "needs cgroup version 2, which is not mounted here");
            if (controller != "cgroup" && settings.Layout.Find(controller) is not { IsUnified: true })
                throw new RuntimeConfigException(field, $"needs the controller {controller} of cgroup version 2, which this machine does not have");
            settings.Add(new CgroupSetting(controller, file, value, field));
        }
    }

    private static string Part(string name, uint? value) => value is null ? "" : name + value;
}

/// <summary>Collects settings; the layout decides which version's file each one is.</summary>
internal sealed class CgroupSettings(CgroupLayout layout)
{
    private readonly List<CgroupSetting> _all = [];

    public IReadOnlyList<CgroupSetting> All => _all;

    public CgroupLayout Layout => layout;

    public bool IsUnified(string controller) => layout.Find(controller) is { IsUnified: true };

    public void Add(CgroupSetting setting) => _all.Add(setting);

    /// <param name="v1">Null when version 1 has no such thing.</param>
    /// <param name="v2">Null when version 2 has no such thing.</param>
    public void Add(string controller, string? v1, string? v2, string value, string field, bool isOptional = false, string? notBelow = null, CgroupSetting? otherwise = null) =>
        Add(Setting(controller, v1, v2, value, field) with { IsOptional = isOptional, NotBelow = notBelow, Else = otherwise });

    public CgroupSetting Setting(string controller, string? v1, string? v2, string value, string field)
    {
        field = "linux.resources." + field;
        var found = layout.Find(controller)
            ?? throw new RuntimeConfigException(field, $"needs the cgroup controller {controller}, which this machine does not have");
        var file = (found.IsUnified ? v2 : v1)
            ?? throw new RuntimeConfigException(field, $"is not to be had with cgroup version {(found.IsUnified ? 2 : 1)}, which this machine has");
        return new CgroupSetting(controller, file, value, field);
    }

    public static string Max(long value) => value < 0 ? "max" : $"{value}";
}
