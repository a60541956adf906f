namespace Orchestrator.Oci.Runtime.Reading;

/// <summary>linux.seccomp of config.json.</summary>
internal static class SeccompConfigReader
{
    public static SeccompConfig Seccomp(ref ConfigReader json)
    {
        var seccomp = new SeccompConfig();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "defaultAction": seccomp.DefaultAction = json.Text(); break;
                case "defaultErrnoRet": seccomp.DefaultErrnoRet = json.NumberOrNull<uint>(); break;
                case "architectures": seccomp.Architectures = json.Texts(); break;
                case "flags": seccomp.Flags = json.Texts(); break;
                case "listenerPath": seccomp.ListenerPath = json.TextOrNull(); break;
                case "listenerMetadata": seccomp.ListenerMetadata = json.TextOrNull(); break;
                case "syscalls": seccomp.Syscalls = json.List(Rule); break;
                default: json.Skip(); break;
            }
        }
        return seccomp;
    }

    private static SeccompRule Rule(ref ConfigReader json)
    {
        var rule = new SeccompRule();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "names": rule.Names = json.Texts(); break;
                case "action": rule.Action = json.Text(); break;
                case "errnoRet": rule.ErrnoRet = json.NumberOrNull<uint>(); break;
                case "args": rule.Args = json.List(Argument); break;
                default: json.Skip(); break;
            }
        }
        return rule;
    }

    private static SeccompArgument Argument(ref ConfigReader json)
    {
        var argument = new SeccompArgument();
        for (json.Enter(); json.Next(out var name);)
        {
            switch (name)
            {
                case "index": argument.Index = json.Number<uint>(); break;
                case "value": argument.Value = json.Number<ulong>(); break;
                case "valueTwo": argument.ValueTwo = json.Number<ulong>(); break;
                case "op": argument.Op = json.Text(); break;
                default: json.Skip(); break;
            }
        }
        return argument;
    }
}
