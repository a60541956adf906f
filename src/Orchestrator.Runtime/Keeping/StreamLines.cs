namespace Orchestrator.Runtime.Keeping;

/// <summary>One stream of a container, cut into lines. Holds memory only while a line is unfinished.</summary>
internal sealed class StreamLines(ContainerLog log, bool isErrors)
{
    /// <summary>A longer line is logged in parts.</summary>
    internal const int PartMax = 16 * 1024;
    private const int FirstSize = 256;
    private byte[]? _pending;
    private int _length;

    /// <summary>The beginning of a line whose end has not come yet.</summary>
    public ReadOnlySpan<byte> Pending => _pending.AsSpan(0, _length);

    private ReadOnlySpan<byte> Name => isErrors ? "stderr"u8 : "stdout"u8;

    public void Take(ReadOnlySpan<byte> said, DateTime now)
    {
        for (var end = said.IndexOf((byte)'\n'); end >= 0; end = said.IndexOf((byte)'\n'))
        {
            if (_length == 0 && end < PartMax)
                log.Append(Name, said[..end], true, now);
            else
                EndLine(said[..end], now);
            said = said[(end + 1)..];
        }
        Add(said, now);
        if (_length == 0)
            _pending = null;
    }

    /// <summary>The last line may lack its end.</summary>
    public void Finish(DateTime now)
    {
        if (_length > 0)
            Emit(true, now);
        _pending = null;
    }

    private void EndLine(ReadOnlySpan<byte> text, DateTime now)
    {
        Add(text, now);
        Emit(true, now);
    }

    private void Add(ReadOnlySpan<byte> text, DateTime now)
    {
        while (text.Length > 0)
        {
            var count = Math.Min(text.Length, PartMax - _length);
            Grow(_length + count);
            text[..count].CopyTo(_pending.AsSpan(_length));
            _length += count;
            text = text[count..];
            if (_length == PartMax)
                Emit(false, now);
        }
    }

    private void Emit(bool isWhole, DateTime now)
    {
        log.Append(Name, Pending, isWhole, now);
        _length = 0;
    }

    private void Grow(int size)
    {
        if (_pending is not null && _pending.Length >= size)
            return;
        var grown = new byte[Math.Max(FirstSize, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size))];
        Pending.CopyTo(grown);
        _pending = grown;
    }
}
