namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>linux.resources of config.json, which <c>update</c> takes alone.</summary>
internal static class ResourcesConfigReader
{
    public static ResourcesConfig Resources(ref ConfigReader json)
    {
        var resources = new ResourcesConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "devices": resources.Devices = json.List(Device); break;
                case "memory": resources.Memory = json.OrNull(Memory); break;
                case "cpu": resources.Cpu = json.OrNull(Cpu); break;
                case "pids": resources.Pids = json.OrNull(Pids); break;
                case "blockIO": resources.BlockIo = json.OrNull(BlockIoReader.BlockIo); break;
                case "hugepageLimits": resources.HugepageLimits = json.List(Hugepages); break;
                case "network": resources.Network = json.OrNull(Network); break;
                case "rdma": resources.Rdma = json.ByName(Rdma); break;
                case "unified": resources.Unified = json.TextsByName(); break;
                default: json.Skip(); break;
            }
        }
        return resources;
    }

    private static DeviceRule Device(ref ConfigReader json)
    {
        var rule = new DeviceRule();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "allow": rule.Allow = json.Flag(); break;
                case "type": rule.Type = json.TextOrNull(); break;
                case "major": rule.Major = json.NumberOrNull<long>(); break;
                case "minor": rule.Minor = json.NumberOrNull<long>(); break;
                case "access": rule.Access = json.TextOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return rule;
    }

    private static MemoryResources Memory(ref ConfigReader json)
    {
        var memory = new MemoryResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "limit": memory.Limit = json.NumberOrNull<long>(); break;
                case "reservation": memory.Reservation = json.NumberOrNull<long>(); break;
                case "swap": memory.Swap = json.NumberOrNull<long>(); break;
                case "kernel": memory.Kernel = json.NumberOrNull<long>(); break;
                case "kernelTCP": memory.KernelTCP = json.NumberOrNull<long>(); break;
                case "swappiness": memory.Swappiness = json.NumberOrNull<ulong>(); break;
                case "disableOOMKiller": memory.DisableOOMKiller = json.FlagOrNull(); break;
                case "useHierarchy": memory.UseHierarchy = json.FlagOrNull(); break;
                case "checkBeforeUpdate": memory.CheckBeforeUpdate = json.FlagOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return memory;
    }

    private static CpuResources Cpu(ref ConfigReader json)
    {
        var cpu = new CpuResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "shares": cpu.Shares = json.NumberOrNull<ulong>(); break;
                case "quota": cpu.Quota = json.NumberOrNull<long>(); break;
                case "burst": cpu.Burst = json.NumberOrNull<ulong>(); break;
                case "period": cpu.Period = json.NumberOrNull<ulong>(); break;
                case "realtimeRuntime": cpu.RealtimeRuntime = json.NumberOrNull<long>(); break;
                case "realtimePeriod": cpu.RealtimePeriod = json.NumberOrNull<ulong>(); break;
                case "cpus": cpu.Cpus = json.TextOrNull(); break;
                case "mems": cpu.Mems = json.TextOrNull(); break;
                case "idle": cpu.Idle = json.NumberOrNull<long>(); break;
                default: json.Skip(); break;
            }
        }
        return cpu;
    }

    private static PidsResources Pids(ref ConfigReader json)
    {
        var pids = new PidsResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "limit": pids.Limit = json.Number<long>(); break;
                default: json.Skip(); break;
            }
        }
        return pids;
    }

    private static HugepageLimit Hugepages(ref ConfigReader json)
    {
        var limit = new HugepageLimit();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "pageSize": limit.PageSize = json.Text(); break;
                case "limit": limit.Limit = json.Number<ulong>(); break;
                default: json.Skip(); break;
            }
        }
        return limit;
    }

    private static NetworkResources Network(ref ConfigReader json)
    {
        var network = new NetworkResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "classID": network.ClassID = json.NumberOrNull<uint>(); break;
                case "priorities": network.Priorities = json.List(Priority); break;
                default: json.Skip(); break;
            }
        }
        return network;
    }

    private static InterfacePriority Priority(ref ConfigReader json)
    {
        var priority = new InterfacePriority();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "name": priority.Name = json.Text(); break;
                case "priority": priority.Priority = json.Number<uint>(); break;
                default: json.Skip(); break;
            }
        }
        return priority;
    }

    private static RdmaResources Rdma(ref ConfigReader json)
    {
        var rdma = new RdmaResources();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "hcaHandles": rdma.HcaHandles = json.NumberOrNull<uint>(); break;
                case "hcaObjects": rdma.HcaObjects = json.NumberOrNull<uint>(); break;
                default: json.Skip(); break;
            }
        }
        return rdma;
    }
}
