namespace Orchestrator.Runtime.Containers;

/// <summary>Which of the kernel's security modules run here.</summary>
internal static class SecurityModules
{
    public static bool HasAppArmor => File.Exists("/sys/module/apparmor/parameters/enabled") && File.ReadAllText("/sys/module/apparmor/parameters/enabled").StartsWith('Y');

    public static bool HasSelinux => Directory.Exists("/sys/fs/selinux") && File.Exists("/sys/fs/selinux/enforce");
}
