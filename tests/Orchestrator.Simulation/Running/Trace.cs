using System.Globalization;
using System.Runtime.CompilerServices;

namespace Orchestrator.Simulation.Running;

/// <summary>What happened: time, who, what. Costs nothing while nobody reads it.</summary>
internal sealed class Trace(Timeline time, bool isOn)
{
    private readonly List<string> _lines = [];

    public bool IsOn => isOn;

    public IReadOnlyList<string> Lines => _lines;

    public void Write(string who, [InterpolatedStringHandlerArgument("")] ref TraceText what)
    {
        if (isOn)
            _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{time.NowMs / 1000.0,8:0.000} {who,-6} {what.ToStringAndClear()}"));
    }
}

/// <summary>A sentence that is put together only for a trace that is on.</summary>
[InterpolatedStringHandler]
internal ref struct TraceText
{
    private DefaultInterpolatedStringHandler _text;

    public TraceText(int literalLength, int formattedCount, Trace trace, out bool isOn)
    {
        isOn = trace.IsOn;
        _text = isOn ? new(literalLength, formattedCount, CultureInfo.InvariantCulture) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public string ToStringAndClear() => _text.ToStringAndClear();
}
