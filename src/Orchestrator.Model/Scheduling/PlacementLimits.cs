namespace Orchestrator.Model.Scheduling;

/// <summary>Numbers that specs must keep to.</summary>
public static class PlacementLimits
{
    /// <summary>Priorities go from minus this to this; 0 is usual.</summary>
    public const int PriorityMax = 1000;

    /// <summary>"gpu", "nvidia.com/gpu", "licence_seats".</summary>
    public static bool IsResourceName(string name) =>
        name.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/');
}
