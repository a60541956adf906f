namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>process of config.json, which <c>exec</c> takes alone.</summary>
internal static class ProcessConfigReader
{
    public static ProcessConfig Process(ref ConfigReader json)
    {
        var process = new ProcessConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "terminal": process.Terminal = json.Flag(); break;
                case "consoleSize": process.ConsoleSize = json.OrNull(Size); break;
                case "user": process.User = User(ref json); break;
                case "args": process.Args = json.Texts(); break;
                case "env": process.Env = json.Texts(); break;
                case "cwd": process.Cwd = json.Text(); break;
                case "capabilities": process.Capabilities = json.OrNull(Capabilities); break;
                case "rlimits": process.Rlimits = json.List(Rlimit); break;
                case "noNewPrivileges": process.NoNewPrivileges = json.Flag(); break;
                case "oomScoreAdj": process.OomScoreAdj = json.NumberOrNull<int>(); break;
                case "apparmorProfile": process.ApparmorProfile = json.TextOrNull(); break;
                case "selinuxLabel": process.SelinuxLabel = json.TextOrNull(); break;
                case "scheduler": process.Scheduler = json.OrNull(Scheduler); break;
                case "ioPriority": process.IoPriority = json.OrNull(IoPriority); break;
                case "execCPUAffinity": process.ExecCpuAffinity = json.OrNull(CpuAffinity); break;
                default: json.Skip(); break;
            }
        }
        return process;
    }

    private static ConsoleSize Size(ref ConfigReader json)
    {
        var size = new ConsoleSize();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "height": size.Height = json.Number<ushort>(); break;
                case "width": size.Width = json.Number<ushort>(); break;
                default: json.Skip(); break;
            }
        }
        return size;
    }

    private static UserConfig User(ref ConfigReader json)
    {
        var user = new UserConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "uid": user.Uid = json.Number<uint>(); break;
                case "gid": user.Gid = json.Number<uint>(); break;
                case "umask": user.Umask = json.NumberOrNull<uint>(); break;
                case "additionalGids": user.AdditionalGids = json.List(static (ref json) => json.Number<uint>()); break;
                default: json.Skip(); break;
            }
        }
        return user;
    }

    private static CapabilitiesConfig Capabilities(ref ConfigReader json)
    {
        var sets = new CapabilitiesConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "bounding": sets.Bounding = json.Texts(); break;
                case "effective": sets.Effective = json.Texts(); break;
                case "permitted": sets.Permitted = json.Texts(); break;
                case "inheritable": sets.Inheritable = json.Texts(); break;
                case "ambient": sets.Ambient = json.Texts(); break;
                default: json.Skip(); break;
            }
        }
        return sets;
    }

    private static RlimitConfig Rlimit(ref ConfigReader json)
    {
        var limit = new RlimitConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "type": limit.Type = json.Text(); break;
                case "soft": limit.Soft = json.Number<ulong>(); break;
                case "hard": limit.Hard = json.Number<ulong>(); break;
                default: json.Skip(); break;
            }
        }
        return limit;
    }

    private static SchedulerConfig Scheduler(ref ConfigReader json)
    {
        var scheduler = new SchedulerConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "policy": scheduler.Policy = json.Text(); break;
                case "nice": scheduler.Nice = json.Number<int>(); break;
                case "priority": scheduler.Priority = json.Number<int>(); break;
                case "flags": scheduler.Flags = json.Texts(); break;
                case "runtime": scheduler.Runtime = json.Number<ulong>(); break;
                case "deadline": scheduler.Deadline = json.Number<ulong>(); break;
                case "period": scheduler.Period = json.Number<ulong>(); break;
                default: json.Skip(); break;
            }
        }
        return scheduler;
    }

    private static IoPriorityConfig IoPriority(ref ConfigReader json)
    {
        var priority = new IoPriorityConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "class": priority.Class = json.Text(); break;
                case "priority": priority.Priority = json.Number<int>(); break;
                default: json.Skip(); break;
            }
        }
        return priority;
    }

    private static CpuAffinityConfig CpuAffinity(ref ConfigReader json)
    {
        var affinity = new CpuAffinityConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "initial": affinity.Initial = json.TextOrNull(); break;
                case "final": affinity.Final = json.TextOrNull(); break;
                default: json.Skip(); break;
            }
        }
        return affinity;
    }
}
