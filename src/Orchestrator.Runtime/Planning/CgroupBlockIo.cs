using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>linux.resources.blockIO. Which weight a kernel has depends on its I/O scheduler; rates it always has.</summary>
internal static class CgroupBlockIo
{
    public static void Add(CgroupSettings settings, BlockIoResources? io)
    {
        if (io is null)
            return;
        if (io.Weight is { } weight and > 0)
            Weight(settings, "", "", weight, "blockIO.weight");
        if (io.LeafWeight is { } leaf and > 0)
            settings.Add(Controller(settings), "blkio.leaf_weight", null, $"{leaf}", "blockIO.leafWeight");
        for (var i = 0; i < io.WeightDevice.Count; i++)
            WeightOf(settings, io.WeightDevice[i], $"blockIO.weightDevice[{i}]");
        Rates(settings, io.ThrottleReadBpsDevice, "read_bps", "rbps", "blockIO.throttleReadBpsDevice");
        Rates(settings, io.ThrottleWriteBpsDevice, "write_bps", "wbps", "blockIO.throttleWriteBpsDevice");
        Rates(settings, io.ThrottleReadIOPSDevice, "read_iops", "riops", "blockIO.throttleReadIOPSDevice");
        Rates(settings, io.ThrottleWriteIOPSDevice, "write_iops", "wiops", "blockIO.throttleWriteIOPSDevice");
    }

    private static void WeightOf(CgroupSettings settings, WeightDevice device, string field)
    {
        var number = $"{device.Major}:{device.Minor} ";
        if (device.Weight is { } weight and > 0)
            Weight(settings, "_device", number, weight, field);
        if (device.LeafWeight is { } leaf and > 0)
            settings.Add(Controller(settings), "blkio.leaf_weight_device", null, number + leaf, field);
    }

    private static void Weight(CgroupSettings settings, string suffix, string device, ushort weight, string field)
    {
        var controller = Controller(settings);
        var otherwise = settings.Setting(controller, "blkio.bfq.weight" + suffix, "io.weight", device + (settings.IsUnified(controller) ? Converted(weight) : weight), field);
        settings.Add(controller, "blkio.weight" + suffix, "io.bfq.weight", $"{device}{weight}", field, otherwise: otherwise);
    }

    private static void Rates(CgroupSettings settings, IReadOnlyList<ThrottleDevice> devices, string v1, string v2, string field)
    {
        var controller = Controller(settings);
        for (var i = 0; i < devices.Count; i++)
        {
            var (number, rate) = ($"{devices[i].Major}:{devices[i].Minor} ", devices[i].Rate);
            var value = settings.IsUnified(controller) ? $"{number}{v2}={(rate == 0 ? "max" : $"{rate}")}" : number + rate;
            settings.Add(controller, $"blkio.throttle.{v1}_device", "io.max", value, $"{field}[{i}]");
        }
    }

    private static string Controller(CgroupSettings settings) => settings.IsUnified("io") ? "io" : "blkio";

    /// <summary>10..1000 to 1..10000, as the other runtimes do.</summary>
    private static int Converted(ushort weight) => 1 + (Math.Clamp((int)weight, 10, 1000) - 10) * 9999 / 990;
}
