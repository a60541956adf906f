using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Values;
using Orchestrator.Model;

namespace Orchestrator.Compose.Services;

internal static class MountReader
{
    private const string Short = "[SOURCE:]TARGET[:ro|:rw], where SOURCE is a volume or a path that begins with / or ., and TARGET is absolute";
    private const string LeaveOut = "leave it out";

    private static readonly Keys<MountSpec> s_keys = new("a volume of a service", new Dictionary<string, string>
    {
        ["image"] = "",
    })
    {
        { "type", (f, m) => m.Type = ReadType(f) },
        { "source", (f, m) => m.Source = f.Text("a volume or a path") ?? "" },
        { "target", (f, m) => m.Target = f.Text("an absolute path") ?? "" },
        { "read_only", (f, m) => m.ReadOnly = f.Flag() ?? false },
        { "consistency", (f, _) => f.Warn("has no effect: the container sees the node's own files") },
        { "bind", (f, m) => s_bindKeys!.Read(f, m) },
        { "volume", (f, m) => s_volumeKeys!.Read(f, m) },
        { "tmpfs", (f, m) => s_tmpfsKeys!.Read(f, m) },
    };

    private static readonly Keys<MountSpec> s_bindKeys = new("bind", new Dictionary<string, string>
    {
        ["recursive"] = LeaveOut,
    })
    {
        { "propagation", (f, _) => f.OneOf("rprivate", "private") },
        { "selinux", (f, _) => f.Warn("has no effect: SELinux is not used") },
        { "create_host_path", (f, m) => m.CreateHostPath = f.Flag() ?? false },
    };

    private static readonly Keys<MountSpec> s_volumeKeys = new("volume", new Dictionary<string, string>
    {
        ["nocopy"] = LeaveOut,
        ["labels"] = "write labels under the volume at the top level",
    })
    {
        { "subpath", (f, m) => m.Subpath = ReadSubpath(f) },
    };

    private static readonly Keys<MountSpec> s_tmpfsKeys = new("tmpfs")
    {
        { "size", (f, m) => m.TmpfsSizeBytes = ValueReaders.Bytes(f) ?? 0 },
        { "mode", (f, m) => m.TmpfsMode = ReadMode(f, f.Written("an octal mode")) },
    };

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of volumes"))
        {
            var before = item.Report.ErrorCount;
            var mount = item.IsMapping ? ReadLong(item) : ReadShort(item);
            if (item.Report.ErrorCount == before)
                Add(item, mount, service);
        }
    }

    public static void ReadTmpfs(Field field, ServiceDraft service)
    {
        foreach (var item in field.IsList ? field.Items() : [field])
        {
            if (item.Text("PATH or PATH:OPTIONS") is not { } text)
                continue;
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var mount = new MountSpec { Type = MountType.Tmpfs, Target = colon < 0 ? text : text[..colon] };
            if (colon >= 0)
                ReadTmpfsOptions(item, text[(colon + 1)..], mount);
            Add(item, mount, service);
        }
    }

    private static MountSpec ReadLong(Field item)
    {
        // As in the short form and as Compose has it: a missing source is made, unless the file says otherwise.
        var mount = new MountSpec { CreateHostPath = true };
        s_keys.Read(item, mount);
        if (item.Entries().All(e => e.Key != "type"))
            item.Refuse("has no type; write type: volume, bind or tmpfs");
        var type = mount.Type.ToString().ToLowerInvariant();
        foreach (var other in item.Entries().Where(e => e.Key is "bind" or "volume" or "tmpfs" && e.Key != type))
            other.RefuseKey($"does not go with type: {type}");
        if (mount.Type == MountType.Bind && mount.Source.Length == 0)
            item.Refuse("a bind mount has no source; write source: and a path of the node");
        if (mount.Type == MountType.Tmpfs && mount.Source.Length > 0)
            item.Refuse("a tmpfs has no source; leave it out");
        mount.CreateHostPath &= mount.Type == MountType.Bind;
        return mount;
    }

    private static MountSpec ReadShort(Field item)
    {
        if (item.Text(Short) is not { } text)
            return new MountSpec();
        var parts = text.Split(':');
        var mount = parts.Length == 1 ? new MountSpec { Target = text } : new MountSpec { Source = parts[0], Target = parts[1] };
        if (parts.Length > 3 || mount.Target.Length == 0 || (parts.Length > 1 && mount.Source.Length == 0))
            item.Expected(Short);
        if (mount.Source.Length > 0 && mount.Source[0] is '/' or '.' or '~')
            mount.Type = MountType.Bind;
        mount.CreateHostPath = mount.Type == MountType.Bind;
        foreach (var option in parts.Length == 3 ? parts[2].Split(',') : [])
            ReadOption(item, option, mount);
        return mount;
    }

    private static void ReadOption(Field item, string option, MountSpec mount)
    {
        if (option is "ro" or "rw")
            mount.ReadOnly = option == "ro";
        else if (option is "z" or "Z" or "cached" or "delegated" or "consistent")
            item.Report.Warn(item.Node.At, item.Path, $"the option {option} has no effect here");
        else
            item.Refuse($"got the option \"{option}\"; expected ro or rw");
    }

    private static void Add(Field item, MountSpec mount, ServiceDraft service)
    {
        if (!mount.Target.StartsWith('/') || mount.Target.Split('/').Contains(".."))
            item.Refuse($"got \"{mount.Target}\" as the target; expected an absolute path in the container");
        else if (mount.Target.TrimEnd('/').Length == 0)
            item.Refuse("mounts over the root of the container; name a directory below /");
        if (service.Container.Mounts.Any(m => m.Target.TrimEnd('/') == mount.Target.TrimEnd('/')))
            item.Refuse($"mounts something at {mount.Target} a second time; keep one");
        if (mount.Type == MountType.Bind)
            mount.Source = Absolute(item, mount.Source);
        if (mount.Type == MountType.Volume && mount.Source.Length > 0)
            Resolve(item, mount, service.Stack);
        service.Container.Mounts.Add(mount);
    }

    private static void Resolve(Field item, MountSpec mount, StackDraft stack) => stack.Afterwards(() =>
    {
        if (stack.FindVolume(mount.Source) is not { } volume)
            item.Refuse($"there is no volume \"{mount.Source}\"; declare it under volumes: at the top level, or write a path with ./ or / for a bind mount");
        else if (volume.ExternalName.Length > 0)
            (mount.Source, mount.External) = (volume.ExternalName, true);
    });

    private static string Absolute(Field item, string source)
    {
        if (source.StartsWith('/'))
            return Path.GetFullPath(source);
        var path = Path.GetFullPath(item.PathOf(source));
        item.Report.Warn(item.Node.At, item.Path, $"binds {path}, which has to be there on every node that the service may run on");
        return path;
    }

    private static void ReadTmpfsOptions(Field item, string options, MountSpec mount)
    {
        foreach (var option in options.Split(','))
        {
            var (key, value) = option.Split('=', 2) is [var k, var v] ? (k, v) : (option, "");
            if (key == "size" && ByteSize.TryParse(value, out var bytes))
                mount.TmpfsSizeBytes = bytes;
            else if (key == "mode")
                mount.TmpfsMode = ReadMode(item, value);
            else if (option is "ro" or "rw")
                mount.ReadOnly = option == "ro";
            else
                item.Refuse($"got the option \"{option}\"; expected size=BYTES, mode=OCTAL, ro or rw");
        }
    }

    private static int ReadMode(Field field, string? text)
    {
        var digits = text?.StartsWith("0o", StringComparison.Ordinal) == true ? text[2..] : text;
        if (digits is { Length: > 0 and <= 5 } && digits.All(c => c is >= '0' and <= '7') && Convert.ToInt32(digits, 8) <= 0xFFF)
            return Convert.ToInt32(digits, 8);
        if (text is not null)
            field.Refuse($"got \"{text}\" as the mode; expected an octal mode such as 1777 or 0755");
        return 0;
    }

    private static string ReadSubpath(Field field)
    {
        var path = field.Text("a path in the volume") ?? "";
        if (path.StartsWith('/') || path.Split('/').Contains(".."))
            field.Expected("a path in the volume, without a leading / and without ..");
        return path;
    }

    private static MountType ReadType(Field field) => field.OneOf("volume", "bind", "tmpfs") switch
    {
        "bind" => MountType.Bind,
        "tmpfs" => MountType.Tmpfs,
        _ => MountType.Volume,
    };
}
