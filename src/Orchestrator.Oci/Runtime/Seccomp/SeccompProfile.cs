using System.Text.Json;

namespace Orchestrator.Oci.Runtime.Seccomp;

/// <summary>A filter as Docker's <c>--security-opt seccomp=FILE</c> has it: linux.seccomp, whose rules may depend on capabilities, architecture and kernel.</summary>
public sealed record SeccompProfile
{
    private const string Architecture = "amd64", Native = "SCMP_ARCH_X86_64";

    public string DefaultAction { get; set; } = "";
    public uint? DefaultErrnoRet { get; init; }
    public IReadOnlyList<string>? Architectures { get; init; }
    public IReadOnlyList<ProfileArchitecture>? ArchMap { get; init; }
    public IReadOnlyList<string>? Flags { get; init; }
    public string? ListenerPath { get; init; }
    public string? ListenerMetadata { get; init; }
    public IReadOnlyList<ProfileRule>? Syscalls { get; init; }

    /// <exception cref="JsonException">The text is no profile; the message names the field.</exception>
    public static SeccompProfile Parse(string json) =>
        JsonSerializer.Deserialize(json, RuntimeJson.Default.SeccompProfile) ?? throw new JsonException("the profile is null");

    /// <summary>What it means for a container with these capabilities.</summary>
    public SeccompConfig For(IReadOnlyList<string> capabilities, Version kernel) => new()
    {
        DefaultAction = DefaultAction,
        DefaultErrnoRet = DefaultErrnoRet,
        Architectures = [.. Architectures ?? [], .. (ArchMap ?? []).Where(m => m.Architecture == Native).SelectMany(m => (m.SubArchitectures ?? []).Prepend(Native))],
        Flags = Flags ?? [],
        ListenerPath = ListenerPath,
        ListenerMetadata = ListenerMetadata,
        Syscalls = [.. (Syscalls ?? []).Where(r => r.Includes?.IsMetBy(capabilities, kernel, Architecture) != false && r.Excludes?.IsTouchedBy(capabilities, kernel, Architecture) != true).Select(r => r.ToRule())],
    };
}

public sealed record ProfileArchitecture
{
    public string Architecture { get; set; } = "";
    public IReadOnlyList<string>? SubArchitectures { get; init; }
}

public sealed record ProfileRule
{
    public string? Name { get; init; }
    public IReadOnlyList<string>? Names { get; init; }
    public string Action { get; set; } = "";
    public uint? ErrnoRet { get; init; }
    public IReadOnlyList<SeccompArgument>? Args { get; init; }
    public ProfileCondition? Includes { get; init; }
    public ProfileCondition? Excludes { get; init; }

    internal SeccompRule ToRule() => new() { Names = Name is null ? Names ?? [] : [.. Names ?? [], Name], Action = Action, ErrnoRet = ErrnoRet, Args = Args ?? [] };
}

/// <summary>Empty fields ask for nothing.</summary>
public sealed record ProfileCondition
{
    public IReadOnlyList<string>? Caps { get; init; }
    public IReadOnlyList<string>? Arches { get; init; }

    /// <summary>"4.8".</summary>
    public string? MinKernel { get; init; }

    internal bool IsMetBy(IReadOnlyList<string> capabilities, Version kernel, string architecture) =>
        (Caps ?? []).All(capabilities.Contains) && (Arches is null or { Count: 0 } || Arches.Contains(architecture)) && (MinKernel is null || IsReached(kernel));

    internal bool IsTouchedBy(IReadOnlyList<string> capabilities, Version kernel, string architecture) =>
        (Caps ?? []).Any(capabilities.Contains) || Arches?.Contains(architecture) == true || (MinKernel is not null && IsReached(kernel));

    private bool IsReached(Version kernel) => Version.TryParse(MinKernel, out var least) ? kernel >= least : throw new JsonException($"minKernel: \"{MinKernel}\" is no version; accepted: as in 4.8");
}
