using System.Text.Json;
using Orchestrator.Compose.Fields;

namespace Orchestrator.Compose.Services;

/// <summary>security_opt: Docker's options, of which some ask for what is so anyway.</summary>
internal static class SecurityReader
{
    private const string Accepted = "no-new-privileges:true, no-new-privileges:false, seccomp:unconfined or seccomp:FILE; AppArmor and SELinux are not used";

    public static void Read(Field field, ServiceDraft service)
    {
        foreach (var item in field.Items("a list of options"))
        {
            if (item.Text(Accepted) is not { } text)
                continue;
            var end = text.IndexOfAny([':', '=']);
            var (name, value) = end < 0 ? (text, "") : (text[..end], text[(end + 1)..]);
            if (Option(item, name, value, service) is { } option)
                service.Container.SecurityOptions.Add(option);
        }
    }

    /// <summary>Null: nothing is to be done, or it was refused.</summary>
    private static string? Option(Field item, string name, string value, ServiceDraft service)
    {
        switch (name, value)
        {
            case ("no-new-privileges", "" or "true"):
                return "no-new-privileges";
            case ("no-new-privileges", "false"):
                return "no-new-privileges:false";
            case ("seccomp", "unconfined"):
                return "seccomp=unconfined";
            case ("seccomp", { Length: > 0 }):
                return Profile(item, value, service);
            case ("apparmor", "unconfined") or ("label", "disable"):
                return null;
            default:
                item.Expected(Accepted);
                return null;
        }
    }

    // The profile itself goes into the spec: the nodes do not have the file.
    private static string? Profile(Field item, string path, ServiceDraft service)
    {
        var file = item.PathOf(path);
        var (text, error) = SourceFile.Read(service.Stack.Open, file);
        if (text is not null && IsJsonObject(text))
            return "seccomp=" + text.TrimStart();
        item.Refuse(error is not null ? $"{file} {error}" : text is null ? $"got \"{path}\", but there is no {file}" : $"{file} is no seccomp profile: expected JSON");
        return null;
    }

    private static bool IsJsonObject(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
