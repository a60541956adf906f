using System.Globalization;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Oci.Runtime;
using Orchestrator.Runtime.Planning;

namespace Orchestrator.Runtime.Containers;

/// <summary>Writes limits to the files of a group.</summary>
internal static class LimitWriter
{
    /// <exception cref="RuntimeConfigException">The kernel refuses a value, or does not have the file; it names the field.</exception>
    public static void Write(Cgroup group, IEnumerable<CgroupSetting> settings)
    {
        // Some limits bound each other (memory, and memory with swap; quota and period), and which must go first depends on what is there.
        var refused = settings.Where(s => !TryWrite(group, s)).ToList();
        foreach (var setting in refused)
            Write(group, setting);
    }

    private static bool TryWrite(Cgroup group, CgroupSetting setting)
    {
        try
        {
            Write(group, setting);
            return true;
        }
        catch (RuntimeConfigException)
        {
            return false;
        }
    }

    private static void Write(Cgroup group, CgroupSetting setting)
    {
        if (setting.Program is { } program)
        {
            SetProgram(group, setting, program);
            return;
        }
        var path = Find(group, ref setting);
        if (path is null)
            return;
        Check(group, setting);
        try
        {
            FileSystem.WriteText(path, setting.Value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeConfigException(setting.Field, $"the kernel refuses \"{setting.Value}\" for {setting.File}: {e.Message}");
        }
    }

    /// <returns>Null for an optional file that is not there.</returns>
    private static string? Find(Cgroup group, ref CgroupSetting setting)
    {
        var path = group.FilePath(setting.Controller, setting.File);
        if (path is not null && FileSystem.Exists(path))
            return path;
        if (path is not null && setting.Else is { } other)
        {
            setting = other;
            return Find(group, ref setting);
        }
        return setting.IsOptional ? null
            : throw new RuntimeConfigException(setting.Field, $"needs {setting.File} of the cgroup controller {setting.Controller}, which this kernel does not have");
    }

    private static void Check(Cgroup group, CgroupSetting setting)
    {
        if (setting.NotBelow is not { } file)
            return;
        var used = new CgroupValues(group, setting.Controller).Number(file);
        if (ulong.Parse(setting.Value, CultureInfo.InvariantCulture) < used)
            throw new RuntimeConfigException(setting.Field, $"{setting.Value} is less than the {used} in use, and checkBeforeUpdate is set");
    }

    private static void SetProgram(Cgroup group, CgroupSetting setting, byte[] program)
    {
        try
        {
            DeviceProgram.Set(group.DirectoryOf(setting.Controller)!, program);
        }
        catch (Linux.LinuxException e)
        {
            throw new RuntimeConfigException(setting.Field, e.Message);
        }
    }
}
