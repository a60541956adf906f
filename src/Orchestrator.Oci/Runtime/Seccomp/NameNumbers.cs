namespace Orchestrator.Oci.Runtime.Seccomp;

/// <summary>
/// Finds a name's number in texts that list names in the order of their numbers. A name is where it stands in its text: no object is made for each,
/// because a start asks for a few hundred and then ends.
/// </summary>
internal sealed class NameNumbers
{
    // Twice the names of any table, so that chains stay short.
    private const int Slots = 1024;

    private readonly List<string> _texts = [];
    private readonly Slot[] _slots = new Slot[Slots];

    private readonly record struct Slot(byte Text, byte Length, ushort Start, int Number);

    /// <param name="number">The first name's. Whatever is between two blanks has one, called or not.</param>
    public void Add(string text, int number)
    {
        _texts.Add(text);
        for (var start = 0; start < text.Length;)
        {
            var length = text.AsSpan(start).IndexOfAny(' ', '\n') is var found and >= 0 ? found : text.Length - start;
            if (length > 0)
                SlotOf(text.AsSpan(start, length)) = new Slot((byte)(_texts.Count - 1), (byte)length, (ushort)start, number++);
            start += length + 1;
        }
    }

    public int? Find(ReadOnlySpan<char> name) => SlotOf(name) is { Length: > 0 } slot ? slot.Number : null;

    // The slot of the name, or the free one where it belongs.
    private ref Slot SlotOf(ReadOnlySpan<char> name)
    {
        var hash = 0u;
        foreach (var c in name)
            hash = (hash ^ c) * 16777619;
        for (var i = hash ^ (hash >> 15); ; i++)
        {
            ref var slot = ref _slots[i % Slots];
            if (slot.Length == 0 || name.SequenceEqual(_texts[slot.Text].AsSpan(slot.Start, slot.Length)))
                return ref slot;
        }
    }
}
