namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>linux.resources.blockIO of config.json.</summary>
internal static class BlockIoReader
{
    public static BlockIoResources BlockIo(ref ConfigReader json)
    {
        var blockIo = new BlockIoResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "weight": blockIo.Weight = json.NumberOrNull<ushort>(); break;
                case "leafWeight": blockIo.LeafWeight = json.NumberOrNull<ushort>(); break;
                case "weightDevice": blockIo.WeightDevice = json.List(Weight); break;
                case "throttleReadBpsDevice": blockIo.ThrottleReadBpsDevice = json.List(Throttle); break;
                case "throttleWriteBpsDevice": blockIo.ThrottleWriteBpsDevice = json.List(Throttle); break;
                case "throttleReadIOPSDevice": blockIo.ThrottleReadIOPSDevice = json.List(Throttle); break;
                case "throttleWriteIOPSDevice": blockIo.ThrottleWriteIOPSDevice = json.List(Throttle); break;
                default: json.Skip(); break;
            }
        }
        return blockIo;
    }

    private static WeightDevice Weight(ref ConfigReader json)
    {
        var device = new WeightDevice();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "major": device.Major = json.Number<long>(); break;
                case "minor": device.Minor = json.Number<long>(); break;
                case "weight": device.Weight = json.NumberOrNull<ushort>(); break;
                case "leafWeight": device.LeafWeight = json.NumberOrNull<ushort>(); break;
                default: json.Skip(); break;
            }
        }
        return device;
    }

    private static ThrottleDevice Throttle(ref ConfigReader json)
    {
        var device = new ThrottleDevice();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "major": device.Major = json.Number<long>(); break;
                case "minor": device.Minor = json.Number<long>(); break;
                case "rate": device.Rate = json.Number<ulong>(); break;
                default: json.Skip(); break;
            }
        }
        return device;
    }
}
