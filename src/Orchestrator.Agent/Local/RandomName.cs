namespace Orchestrator.Agent.Local;

/// <summary>A name for a container whose user gave it none: two words that are easy to type.</summary>
internal static class RandomName
{
    private static readonly string[] s_first =
    [
        "able", "amber", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "cool", "crisp", "daring", "eager", "early", "fair", "fleet",
        "fond", "fresh", "gentle", "glad", "golden", "good", "grand", "happy", "hardy", "honest", "jolly", "keen", "kind", "lively", "loyal", "lucid",
        "lucky", "merry", "mild", "neat", "noble", "patient", "placid", "plain", "proud", "quick", "quiet", "rapid", "ready", "serene", "sharp", "silent",
        "silver", "simple", "smart", "steady", "sunny", "swift", "tidy", "tough", "vivid", "warm", "wise", "witty",
    ];

    private static readonly string[] s_second =
    [
        "acorn", "anchor", "badger", "beacon", "beaver", "birch", "brook", "canyon", "cedar", "comet", "coral", "crane", "delta", "dune", "eagle", "ember",
        "falcon", "fern", "finch", "fjord", "fox", "garnet", "glacier", "harbor", "hawk", "hazel", "heron", "island", "jay", "juniper", "lagoon", "lark",
        "lichen", "lynx", "maple", "marlin", "meadow", "mesa", "oak", "orca", "otter", "owl", "pebble", "pine", "plover", "quartz", "raven", "reef",
        "river", "robin", "salmon", "sparrow", "spruce", "stone", "swan", "thistle", "tundra", "walnut", "willow", "wren",
    ];

    public static string Choose(Func<string, bool> isTaken)
    {
        while (true)
        {
            var name = $"{s_first[Random.Shared.Next(s_first.Length)]}_{s_second[Random.Shared.Next(s_second.Length)]}";
            if (!isTaken(name))
                return name;
            name += Random.Shared.Next(10, 100);
            if (!isTaken(name))
                return name;
        }
    }
}
