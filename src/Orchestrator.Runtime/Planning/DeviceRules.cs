using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.resources.devices, for version 1's files and for version 2's program: the same rules, the same outcome.</summary>
internal static class DeviceRules
{
    private const string Field = "linux.resources.devices";

    // Behind all rules, as other runtimes have it: Podman, for one, asks to deny everything and relies on it.
    private static readonly DeviceRule[] s_always =
    [
        Allow("c", null, null, "m"), Allow("b", null, null, "m"), Allow("c", 1, 3), Allow("c", 1, 5), Allow("c", 1, 7), Allow("c", 1, 8),
        Allow("c", 1, 9), Allow("c", 5, 0), Allow("c", 5, 1), Allow("c", 5, 2), Allow("c", 136, null),
    ];

    public static void Add(CgroupSettings settings, IReadOnlyList<DeviceRule> rules)
    {
        if (rules.Count == 0)
            return;
        if (settings.Layout.Find("devices") is { IsUnified: false })
            AddFiles(settings, [.. rules, .. s_always]);
        else if (settings.Layout.Unified is not null)
            settings.Add(new CgroupSetting("cgroup", "devices", "", Field) { Program = Assemble([.. rules, .. s_always]) });
        else
            throw new RuntimeConfigException(Field, "need the cgroup controller devices or cgroup version 2, and this machine has neither");
    }

    /// <summary>Folds the rules as the kernel folds version 1's: one for all devices starts over, later ones change exactly the exception that they name.</summary>
    public static byte[] Assemble(IReadOnlyList<DeviceRule> rules)
    {
        var (allowsByDefault, exceptions) = Fold(rules);
        return DeviceProgram.Assemble(allowsByDefault, exceptions);
    }

    public static (bool AllowsByDefault, IReadOnlyList<DeviceException> Exceptions) Fold(IReadOnlyList<DeviceRule> rules)
    {
        var allowsByDefault = true;
        var exceptions = new Dictionary<(bool IsBlock, long? Major, long? Minor), DeviceAccess>();
        for (var i = 0; i < rules.Count; i++)
        {
            if (Kind(rules[i], i) == "a")
            {
                allowsByDefault = rules[i].Allow;
                exceptions.Clear();
                continue;
            }
            var key = (rules[i].Type == "b", Number(rules[i].Major), Number(rules[i].Minor));
            var (before, access) = (exceptions.GetValueOrDefault(key), Access(rules[i], i));
            exceptions[key] = rules[i].Allow == allowsByDefault ? before & ~access : before | access;
        }
        return (allowsByDefault, [.. exceptions.Where(e => e.Value != 0).Select(e => new DeviceException(e.Key.IsBlock, e.Key.Major, e.Key.Minor, e.Value))]);
    }

    private static void AddFiles(CgroupSettings settings, DeviceRule[] rules)
    {
        // What has been written since the direction last changed: once more would say nothing, and costs a call.
        var said = new HashSet<string>();
        for (var i = 0; i < rules.Length; i++)
        {
            var rule = rules[i];
            var kind = Kind(rule, i);
            if (i > 0 && rule.Allow != rules[i - 1].Allow)
                said.Clear();
            _ = Access(rule, i);
            // "a" stands for all devices and all access, whatever follows.
            var value = kind == "a" ? "a" : $"{kind} {Text(rule.Major)}:{Text(rule.Minor)} {(string.IsNullOrEmpty(rule.Access) ? "rwm" : rule.Access)}";
            if (said.Add(value))
                settings.Add("devices", rule.Allow ? "devices.allow" : "devices.deny", null, value, $"devices[{i}]");
        }
    }

    private static string Kind(DeviceRule rule, int index) => rule.Type switch
    {
        null or "" or "a" => "a",
        "c" or "u" => "c",
        "b" => "b",
        _ => throw new RuntimeConfigException($"{Field}[{index}].type", $"\"{rule.Type}\" is unknown; accepted: a, c, u, b"),
    };

    private static DeviceAccess Access(DeviceRule rule, int index)
    {
        var access = DeviceAccess.None;
        foreach (var letter in string.IsNullOrEmpty(rule.Access) ? "rwm" : rule.Access)
            access |= letter switch
            {
                'r' => DeviceAccess.Read,
                'w' => DeviceAccess.Write,
                'm' => DeviceAccess.Make,
                _ => throw new RuntimeConfigException($"{Field}[{index}].access", $"\"{rule.Access}\" is unknown; accepted: letters of rwm"),
            };
        return access;
    }

    // Written as -1 by some.
    private static long? Number(long? number) => number is < 0 ? null : number;

    private static string Text(long? number) => Number(number)?.ToString() ?? "*";

    private static DeviceRule Allow(string type, long? major, long? minor, string access = "rwm") =>
        new() { Allow = true, Type = type, Major = major, Minor = minor, Access = access };
}
