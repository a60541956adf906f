using System.Text.RegularExpressions;
using Orchestrator.Compose.Fields;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

/// <summary>Devices of the node that a container gets or may use.</summary>
internal static partial class DeviceReader
{
    private const string Short = "/DEVICE[:/IN/CONTAINER][:rwm]";
    private const string Rule = "a device rule such as \"c 1:3 rwm\" or \"b 8:* r\", or \"a *:* rwm\" for all devices";

    private static readonly Keys<Device> s_keys = new("a device")
    {
        { "source", (f, d) => d.Source = f.Text("a device") ?? "" },
        { "target", (f, d) => d.Target = f.Text("a path") ?? "" },
        { "permissions", (f, d) => d.Permissions = f.Text("of r, w and m") ?? "" },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of devices"))
        {
            var device = new Device { Permissions = "rwm" };
            if (item.IsMapping)
                s_keys.Read(item, device);
            else
                ReadShort(item, device);
            if (device.Target.Length == 0)
                device.Target = device.Source;
            Check(item, device);
            service.Container.Devices.Add(device);
        }
    }

    public static void ReadRules(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of device rules"))
        {
            var text = item.Text(Rule) ?? "a *:* rwm";
            if (!DeviceRule().IsMatch(text))
                item.Expected(Rule);
            service.Container.DeviceRules.Add(text);
        }
    }

    private static void ReadShort(Field item, Device device)
    {
        var parts = (item.Text(Short) ?? "/").Split(':');
        if (parts.Length > 1 && IsPermissions(parts[^1]))
            (device.Permissions, parts) = (parts[^1], parts[..^1]);
        device.Source = parts[0];
        device.Target = parts.Length switch
        {
            1 => "",
            2 => parts[1],
            _ => "?",
        };
    }

    private static void Check(Field item, Device device)
    {
        if (device.Source.Contains('=', StringComparison.Ordinal) && !device.Source.StartsWith('/'))
            item.Refuse($"\"{device.Source}\" is a device of CDI, which is not supported: name the device's nodes, such as /dev/fuse");
        else if (!device.Source.StartsWith('/') || !device.Target.StartsWith('/') || !IsPermissions(device.Permissions))
            item.Expected($"{Short}, or a mapping with source, target and permissions");
    }

    private static bool IsPermissions(string text) => text.Length is > 0 and <= 3 && text.All("rwm".Contains);

    [GeneratedRegex(@"^(a \*:\* rwm|[bc] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3})\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceRule();
}
