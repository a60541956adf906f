using Google.Protobuf.Collections;
using Orchestrator.Compose.Fields;
using Orchestrator.Compose.Values;

namespace Orchestrator.Compose.Services;

internal static class CommandReader
{
    /// <summary>True: it was written, though it may be empty, which clears what the image says.</summary>
    public static bool Read(Field field, RepeatedField<string> words)
    {
        if (field.IsList)
            words.AddRange(field.Items().Select(i => i.Text("text") ?? ""));
        else if (field.Text("a command line, or a list of words") is { } line)
            words.AddRange(Split(field, line));
        return true;
    }

    private static IReadOnlyList<string> Split(Field field, string line)
    {
        if (ShellWords.Split(line) is { } words)
            return words;
        field.Expected("a command line in which every quote is closed");
        return [];
    }
}
