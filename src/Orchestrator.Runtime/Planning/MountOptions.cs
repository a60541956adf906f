using Orchestrator.Linux;
using Orchestrator.Oci.Runtime;

namespace Orchestrator.Runtime.Planning;

/// <summary>The options of one mount, sorted: attributes of the mount, its propagation, and what is the file system's own.</summary>
internal sealed class MountOptions
{
    private const string SubdirectoryOption = "X-mount.subdir=";

    private static readonly Dictionary<string, AttributeChange> s_attributes = new()
    {
        ["ro"] = new(MountAttributeFlags.ReadOnly, 0),
        ["rw"] = new(0, MountAttributeFlags.ReadOnly),
        ["nosuid"] = new(MountAttributeFlags.NoSetId, 0),
        ["suid"] = new(0, MountAttributeFlags.NoSetId),
        ["nodev"] = new(MountAttributeFlags.NoDevices, 0),
        ["dev"] = new(0, MountAttributeFlags.NoDevices),
        ["noexec"] = new(MountAttributeFlags.NoExecute, 0),
        ["exec"] = new(0, MountAttributeFlags.NoExecute),
        ["noatime"] = new(MountAttributeFlags.NoAccessTime, MountAttributeFlags.AllAccessTime),
        ["strictatime"] = new(MountAttributeFlags.StrictAccessTime, MountAttributeFlags.AllAccessTime),
        // The kernel's default is relatime, so what takes another kind back leads there.
        ["atime"] = new(0, MountAttributeFlags.AllAccessTime),
        ["relatime"] = new(0, MountAttributeFlags.AllAccessTime),
        ["norelatime"] = new(0, MountAttributeFlags.AllAccessTime),
        ["nostrictatime"] = new(0, MountAttributeFlags.AllAccessTime),
        ["nodiratime"] = new(MountAttributeFlags.NoDirectoryAccessTime, 0),
        ["diratime"] = new(0, MountAttributeFlags.NoDirectoryAccessTime),
        ["nosymfollow"] = new(MountAttributeFlags.NoSymbolicFollow, 0),
        ["symfollow"] = new(0, MountAttributeFlags.NoSymbolicFollow),
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

    // Of mount(8), but without effect: messages of the kernel's, and what is the default in every file system of today.
    private static readonly string[] s_withoutEffect = ["defaults", "silent", "loud", "iversion", "noiversion", "nomand"];

    /// <summary>All that are the same for every file system.</summary>
    public static IEnumerable<string> Names =>
        s_attributes.Keys.Concat(s_attributes.Keys.Select(k => "r" + k)).Concat(s_propagations.Keys).Concat(s_withoutEffect)
            .Concat(["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"]).Distinct().Order(StringComparer.Ordinal);

    public bool IsBind { get; private init; }

    public bool IsRecursiveBind { get; private init; }

    public bool IsRemount { get; private set; }

    public bool CopiesUp { get; private set; }

    /// <summary>Null without an option for it; true for the whole tree of mounts.</summary>
    public bool? MapsIdsRecursively { get; private set; }

    /// <summary>What of a bind mount's source is shown: as mount(8) has it, a path below the source. No link there leads out of it.</summary>
    public string? Subdirectory { get; private set; }

    public AttributeChange Change { get; private set; } = new(0, 0);

    /// <summary>For the mount and all below it.</summary>
    public AttributeChange RecursiveChange { get; private set; } = new(0, 0);

    /// <summary>Private when nothing was asked, as Docker does: mounts made later on the host stay out of the container.</summary>
    public MountFlags Propagation { get; private set; } = MountFlags.Private | MountFlags.Recursive;

    public bool AsksForPropagation { get; private set; }

    public List<(string Key, string? Value)> Data { get; } = [];

    /// <exception cref="RuntimeConfigException">An option that no kernel honours any more.</exception>
    public static MountOptions Parse(MountConfig mount, string field)
    {
        var options = new MountOptions { IsBind = Binds(mount), IsRecursiveBind = mount.Options.Contains("rbind") };
        for (var i = 0; i < mount.Options.Count; i++)
            options.Add(mount.Options[i], $"{field}.options[{i}]");
        return options;
    }

    public static bool Binds(MountConfig mount) => mount.Type == "bind" || mount.Options.Contains("bind") || mount.Options.Contains("rbind");

    /// <summary>Null for a word that names no propagation.</summary>
    public static MountFlags? FindPropagation(string word) => s_propagations.TryGetValue(word, out var flags) ? flags : null;

    private void Add(string option, string field)
    {
        if (s_attributes.TryGetValue(option, out var change))
            Change = Change.With(change);
        else if (option.StartsWith('r') && s_attributes.TryGetValue(option[1..], out change))
            RecursiveChange = RecursiveChange.With(change);
        else if (FindPropagation(option) is { } propagation)
            (Propagation, AsksForPropagation) = (propagation, true);
        else if (!AddSpecial(option, field) && !s_withoutEffect.Contains(option))
            Data.Add(option.Split('=', 2) is [var key, var value] ? (key, value) : (option, null));
    }

    private bool AddSpecial(string option, string field)
    {
        switch (option)
        {
            case "bind" or "rbind":
                return true;
            case "remount":
                return IsRemount = true;
            case "tmpcopyup":
                return CopiesUp = true;
            case "idmap":
                MapsIdsRecursively ??= false;
                return true;
            case "ridmap":
                MapsIdsRecursively = true;
                return true;
            case "mand":
                throw new RuntimeConfigException(field, "\"mand\" is not honoured: the kernel has had no mandatory locks since 5.15; accepted: nomand");
            case var _ when option.StartsWith(SubdirectoryOption, StringComparison.Ordinal):
                Subdirectory = option[SubdirectoryOption.Length..];
                return true;
            default:
                return false;
        }
    }
}

/// <summary>Attributes of a mount to set and to clear.</summary>
internal readonly record struct AttributeChange(MountAttributeFlags Set, MountAttributeFlags Clear)
{
    public bool IsNone => (Set | Clear) == 0;

    public AttributeChange With(AttributeChange later) => new((Set & ~later.Clear) | later.Set, (Clear & ~later.Set) | later.Clear);
}
