namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>linux of config.json, but for resources and filter.</summary>
internal static class LinuxConfigReader
{
    public static LinuxConfig Linux(ref ConfigReader json)
    {
        var linux = new LinuxConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "namespaces": linux.Namespaces = json.List(Namespace); break;
                case "uidMappings": linux.UidMappings = json.List(RuntimeConfigReader.IdMapping); break;
                case "gidMappings": linux.GidMappings = json.List(RuntimeConfigReader.IdMapping); break;
                case "devices": linux.Devices = json.List(Device); break;
                case "cgroupsPath": linux.CgroupsPath = json.TextOrNull(); break;
                case "resources": linux.Resources = json.OrNull(ResourcesConfigReader.Resources); break;
                case "rootfsPropagation": linux.RootfsPropagation = json.TextOrNull(); break;
                case "seccomp": linux.Seccomp = json.OrNull(SeccompConfigReader.Seccomp); break;
                case "sysctl": linux.Sysctl = json.TextsByName(); break;
                case "maskedPaths": linux.MaskedPaths = json.Texts(); break;
                case "readonlyPaths": linux.ReadonlyPaths = json.Texts(); break;
                case "mountLabel": linux.MountLabel = json.TextOrNull(); break;
                case "personality": linux.Personality = json.OrNull(Personality); break;
                case "memoryPolicy": linux.MemoryPolicy = json.OrNull(MemoryPolicy); break;
                case "timeOffsets": linux.TimeOffsets = json.ByName(Offset); break;
                case "netDevices": linux.NetDevices = json.ByName(NetDevice); break;
                case "intelRdt": linux.IntelRdt = json.ElementOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return linux;
    }

    private static NamespaceConfig Namespace(ref ConfigReader json)
    {
        var space = new NamespaceConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "type": space.Type = json.Text(); break;
                case "path": space.Path = json.TextOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return space;
    }

    private static DeviceConfig Device(ref ConfigReader json)
    {
        var device = new DeviceConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "path": device.Path = json.Text(); break;
                case "type": device.Type = json.Text(); break;
                case "major": device.Major = json.Number<long>(); break;
                case "minor": device.Minor = json.Number<long>(); break;
                case "fileMode": device.FileMode = json.NumberOrNull<uint>(); break;
                case "uid": device.Uid = json.NumberOrNull<uint>(); break;
                case "gid": device.Gid = json.NumberOrNull<uint>(); break;
                default: json.Skip(); break;
            }
        }
        return device;
    }

    private static PersonalityConfig Personality(ref ConfigReader json)
    {
        var personality = new PersonalityConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "domain": personality.Domain = json.Text(); break;
                case "flags": personality.Flags = json.Texts(); break;
                default: json.Skip(); break;
            }
        }
        return personality;
    }

    private static MemoryPolicyConfig MemoryPolicy(ref ConfigReader json)
    {
        var policy = new MemoryPolicyConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "mode": policy.Mode = json.Text(); break;
                case "nodes": policy.Nodes = json.Text(); break;
                case "flags": policy.Flags = json.Texts(); break;
                default: json.Skip(); break;
            }
        }
        return policy;
    }

    private static TimeOffset Offset(ref ConfigReader json)
    {
        var offset = new TimeOffset();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "secs": offset.Secs = json.Number<long>(); break;
                case "nanosecs": offset.Nanosecs = json.Number<uint>(); break;
                default: json.Skip(); break;
            }
        }
        return offset;
    }

    private static NetDeviceConfig NetDevice(ref ConfigReader json)
    {
        var device = new NetDeviceConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "name": device.Name = json.TextOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return device;
    }
}
