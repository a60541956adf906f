using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>The options of one mount, sorted: attributes of the mount, its propagation, and what is the file system's own.</summary>
internal sealed class MountOptions
{
    private static readonly Dictionary<string, (MountAttributeFlags Set, MountAttributeFlags Clear)> s_attributes = new()
    {
        ["ro"] = (MountAttributeFlags.ReadOnly, 0),
        ["rro"] = (MountAttributeFlags.ReadOnly, 0),
        ["rw"] = (0, MountAttributeFlags.ReadOnly),
        ["nosuid"] = (MountAttributeFlags.NoSetId, 0),
        ["suid"] = (0, MountAttributeFlags.NoSetId),
        ["nodev"] = (MountAttributeFlags.NoDevices, 0),
        ["dev"] = (0, MountAttributeFlags.NoDevices),
        ["noexec"] = (MountAttributeFlags.NoExecute, 0),
        ["exec"] = (0, MountAttributeFlags.NoExecute),
        ["noatime"] = (MountAttributeFlags.NoAccessTime, MountAttributeFlags.AllAccessTime),
        ["strictatime"] = (MountAttributeFlags.StrictAccessTime, MountAttributeFlags.AllAccessTime),
        ["relatime"] = (0, MountAttributeFlags.AllAccessTime),
        ["nodiratime"] = (MountAttributeFlags.NoDirectoryAccessTime, 0),
        ["diratime"] = (0, MountAttributeFlags.NoDirectoryAccessTime),
        ["nosymfollow"] = (MountAttributeFlags.NoSymbolicFollow, 0),
        ["defaults"] = (0, 0),
    };

    private static readonly Dictionary<string, MountFlags> s_propagations = new()
    {
        ["private"] = MountFlags.Private,
        ["rprivate"] = MountFlags.Private | MountFlags.Recursive,
        ["slave"] = MountFlags.Slave,
        ["rslave"] = MountFlags.Slave | MountFlags.Recursive,
        ["shared"] = MountFlags.Shared,
        ["rshared"] = MountFlags.Shared | MountFlags.Recursive,
        ["unbindable"] = MountFlags.Unbindable,
        ["runbindable"] = MountFlags.Unbindable | MountFlags.Recursive,
    };

    public static IEnumerable<string> Names => s_attributes.Keys.Concat(s_propagations.Keys);

    public bool IsBind { get; private init; }

    public bool IsRecursiveBind { get; private init; }

    public bool IsRecursiveReadOnly { get; private init; }

    public MountAttributeFlags Set { get; private set; }

    public MountAttributeFlags Clear { get; private set; }

    /// <summary>Private when nothing was asked, as Docker does: mounts made later on the host stay out of the container.</summary>
    public MountFlags Propagation { get; private set; } = MountFlags.Private | MountFlags.Recursive;

    public List<(string Key, string? Value)> Data { get; } = [];

    public static MountOptions Parse(MountConfig mount)
    {
        var options = new MountOptions
        {
            IsBind = mount.Type == "bind" || mount.Options.Contains("bind") || mount.Options.Contains("rbind"),
            IsRecursiveBind = mount.Options.Contains("rbind"),
            IsRecursiveReadOnly = mount.Options.Contains("rro"),
        };
        foreach (var option in mount.Options)
            options.Add(option);
        return options;
    }

    /// <summary>Null for a word that names no propagation.</summary>
    public static MountFlags? FindPropagation(string word) => s_propagations.TryGetValue(word, out var flags) ? flags : null;

    private void Add(string option)
    {
        if (s_attributes.TryGetValue(option, out var change))
        {
            Set = (Set & ~change.Clear) | change.Set;
            Clear = (Clear & ~change.Set) | change.Clear;
        }
        else if (FindPropagation(option) is { } propagation)
            Propagation = propagation;
        else if (option is not ("bind" or "rbind"))
            Data.Add(option.Split('=', 2) is [var key, var value] ? (key, value) : (option, null));
    }
}
