using System.Globalization;
using System.Text;

namespace Orchestrator.Linux.Tapes;

/// <summary>One argument of a step: what the kernel gets, and what a person reads in the printed tape.</summary>
public abstract class Argument
{
    public static readonly Argument Null = new Number(0, "NULL");

    public static implicit operator Argument(int value) => new Number(value);

    public static implicit operator Argument(uint value) => new Number(value);

    public static implicit operator Argument(string text) => new Text(text);

    public static implicit operator Argument(Step step) => new Result(step);

    public static Argument Octal(uint value) => new Number(value, new OctalText(value));

    /// <param name="name">Anything whose text is the name, such as a set of flags: it is made when a tape is printed.</param>
    public static Argument Named(long value, object name) => new Number(value, name);

    public static Argument Flags(OpenFlags flags) => new Number((long)flags, flags);

    public static Block Of(byte[] bytes, string description) => new(bytes, () => description);

    /// <param name="description">Asked when a tape is printed.</param>
    public static Block Of(byte[] bytes, Func<string> description) => new(bytes, description);

    /// <summary>struct sock_fprog: a count, and a pointer to that many instructions.</summary>
    public static Argument Program(byte[] instructions, int count, string description) => new Counted(instructions, count, description);

    public static Argument Of(IEnumerable<string> texts) => new Texts([.. texts]);

    public sealed class Number(long value, object? name = null) : Argument
    {
        public long Value { get; } = value;

        public override string ToString() => name?.ToString() ?? Value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A NUL-terminated string.</summary>
    public sealed class Text(string value) : Argument
    {
        public byte[] Bytes { get; } = Libc.Z(value);

        public override string ToString() => Quote(value);
    }

    /// <summary>Memory that the kernel reads, or writes.</summary>
    public sealed class Block(byte[] bytes, Func<string> description) : Argument
    {
        public byte[] Bytes { get; } = bytes;

        public override string ToString() => description();
    }

    public sealed class Counted(byte[] bytes, int count, string description) : Argument
    {
        public byte[] Bytes { get; } = bytes;

        public int Count { get; } = count;

        public override string ToString() => description;
    }

    /// <summary>A NULL-terminated array of strings, as argv.</summary>
    public sealed class Texts(string[] values) : Argument
    {
        public IReadOnlyList<byte[]> Values { get; } = [.. values.Select(Libc.Z)];

        public override string ToString() => "[" + string.Join(", ", values.Select(Quote)) + "]";
    }

    /// <summary>What an earlier step returned.</summary>
    public sealed class Result(Step step) : Argument
    {
        public Step Step { get; } = step;

        public override string ToString() => "$" + Step.Index.ToString(CultureInfo.InvariantCulture);
    }

    private sealed record OctalText(uint Value)
    {
        public override string ToString() => "0" + Convert.ToString(Value, 8);
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            _ = c is '"' or '\\' ? quoted.Append('\\').Append(c) : c < ' ' ? quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}") : quoted.Append(c);
        return quoted.Append('"').ToString();
    }
}
