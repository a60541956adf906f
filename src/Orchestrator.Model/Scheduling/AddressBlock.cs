using System.Globalization;

namespace Orchestrator.Model.Scheduling;

/// <summary>IPv4 addresses with a common beginning: <c>10.1.0.0/16</c>.</summary>
internal readonly record struct AddressBlock(uint Address, int Length)
{
    public static AddressBlock? Parse(string text) =>
        text.Split('/') is [var address, var length] && Number(address) is { } number
        && int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) && bits <= 32
            ? new(number, bits)
            : null;

    public bool Contains(string address) => Number(address) is { } number && (Length == 0 || (number ^ Address) >> (32 - Length) == 0);

    private static uint? Number(string text)
    {
        var parts = text.Split('.');
        uint number = 0;
        foreach (var part in parts)
        {
            if (parts.Length != 4 || !byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var octet))
                return null;
            number = number << 8 | octet;
        }
        return number;
    }
}
