using Orchestrator.Linux;

namespace Orchestrator.Runtime.Containers;

/// <summary>Which of the kernel's security modules run here.</summary>
internal static class SecurityModules
{
    public static bool HasAppArmor => FileSystem.Exists("/sys/module/apparmor/parameters/enabled") && FileSystem.ReadText("/sys/module/apparmor/parameters/enabled").StartsWith('Y');

    public static bool HasSelinux => FileSystem.Exists("/sys/fs/selinux/enforce");
}
