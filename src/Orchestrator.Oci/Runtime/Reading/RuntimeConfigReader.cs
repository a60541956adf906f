namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>config.json and its parts that no other file is about.</summary>
internal static class RuntimeConfigReader
{
    public static RuntimeConfig Config(ref ConfigReader json)
    {
        var config = new RuntimeConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "ociVersion": config.OciVersion = json.Text(); break;
                case "process": config.Process = json.OrNull(ProcessConfigReader.Process); break;
                case "root": config.Root = json.OrNull(Root); break;
                case "hostname": config.Hostname = json.TextOrNull(); break;
                case "domainname": config.Domainname = json.TextOrNull(); break;
                case "mounts": config.Mounts = json.List(Mount); break;
                case "linux": config.Linux = LinuxConfigReader.Linux(ref json); break;
                case "annotations": config.Annotations = json.TextsByName(); break;
                case "hooks": config.Hooks = json.OrNull(Hooks); break;
                default: json.Skip(); break;
            }
        }
        return config;
    }

    public static OverlayConfig Overlay(ref ConfigReader json)
    {
        var overlay = new OverlayConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "lower": overlay.Lower = json.Texts(); break;
                case "upper": overlay.Upper = json.Text(); break;
                case "work": overlay.Work = json.Text(); break;
                default: json.Skip(); break;
            }
        }
        return overlay;
    }

    public static IdMapping IdMapping(ref ConfigReader json)
    {
        var mapping = new IdMapping();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "containerID": mapping.ContainerId = json.Number<uint>(); break;
                case "hostID": mapping.HostId = json.Number<uint>(); break;
                case "size": mapping.Size = json.Number<uint>(); break;
                default: json.Skip(); break;
            }
        }
        return mapping;
    }

    private static RootConfig Root(ref ConfigReader json)
    {
        var root = new RootConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "path": root.Path = json.Text(); break;
                case "readonly": root.Readonly = json.Flag(); break;
                default: json.Skip(); break;
            }
        }
        return root;
    }

    private static MountConfig Mount(ref ConfigReader json)
    {
        var mount = new MountConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "destination": mount.Destination = json.Text(); break;
                case "type": mount.Type = json.TextOrNull(); break;
                case "source": mount.Source = json.TextOrNull(); break;
                case "options": mount.Options = json.Texts(); break;
                case "uidMappings": mount.UidMappings = json.List(IdMapping); break;
                case "gidMappings": mount.GidMappings = json.List(IdMapping); break;
                default: json.Skip(); break;
            }
        }
        return mount;
    }

    private static HooksConfig Hooks(ref ConfigReader json)
    {
        var hooks = new HooksConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "prestart": hooks.Prestart = json.List(Hook); break;
                case "createRuntime": hooks.CreateRuntime = json.List(Hook); break;
                case "createContainer": hooks.CreateContainer = json.List(Hook); break;
                case "startContainer": hooks.StartContainer = json.List(Hook); break;
                case "poststart": hooks.Poststart = json.List(Hook); break;
                case "poststop": hooks.Poststop = json.List(Hook); break;
                default: json.Skip(); break;
            }
        }
        return hooks;
    }

    private static HookConfig Hook(ref ConfigReader json)
    {
        var hook = new HookConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "path": hook.Path = json.Text(); break;
                case "args": hook.Args = json.Texts(); break;
                case "env": hook.Env = json.Texts(); break;
                case "timeout": hook.Timeout = json.NumberOrNull<int>(); break;
                default: json.Skip(); break;
            }
        }
        return hook;
    }
}
