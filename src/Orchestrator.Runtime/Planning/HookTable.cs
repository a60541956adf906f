using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>The hooks of config.json by their kinds.</summary>
internal static class HookTable
{
    /// <summary>What the parent does between the mounts and the pivot: hooks, and moving network devices.</summary>
    public static bool AnyOfCreate(RuntimeConfig config) =>
        config.Linux.NetDevices.Count > 0 || (config.Hooks is { } hooks && hooks.Prestart.Count + hooks.CreateRuntime.Count + hooks.CreateContainer.Count > 0);

    public static void Check(HooksConfig? hooks)
    {
        if (hooks is null)
            return;
        Check(hooks.Prestart, "hooks.prestart");
        Check(hooks.CreateRuntime, "hooks.createRuntime");
        Check(hooks.CreateContainer, "hooks.createContainer");
        Check(hooks.StartContainer, "hooks.startContainer");
        Check(hooks.Poststart, "hooks.poststart");
        Check(hooks.Poststop, "hooks.poststop");
    }

    private static void Check(IReadOnlyList<HookConfig> hooks, string field)
    {
        for (var i = 0; i < hooks.Count; i++)
        {
            if (!hooks[i].Path.StartsWith('/'))
                throw new RuntimeConfigException($"{field}[{i}].path", $"\"{hooks[i].Path}\" is not absolute; accepted: as in /usr/bin/hook");
            if (hooks[i].Timeout is <= 0)
                throw new RuntimeConfigException($"{field}[{i}].timeout", $"{hooks[i].Timeout} is no time; accepted: seconds above 0");
        }
    }
}
