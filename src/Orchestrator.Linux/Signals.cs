using System.Globalization;

namespace Orchestrator.Linux;

/// <summary>Signal names as users write them: <c>SIGTERM</c>, <c>term</c>, <c>15</c>, <c>SIGRTMIN+3</c>.</summary>
public static class Signals
{
    public const int Hangup = 1, Interrupt = 2, Kill = 9, Pipe = 13, Terminate = 15, Child = 17, Continue = 18, Stop = 19, WindowChange = 28;
    private const int RealTimeMin = 34, RealTimeMax = 64;

    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    public static bool TryParse(string text, out int signal)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out signal))
            return signal is > 0 and <= RealTimeMax;
        var name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        signal = name.Length == 0 ? -1 : Array.IndexOf(s_names, name);
        return signal > 0 || TryParseRealTime(name, out signal);
    }

    public static string Name(int signal) => signal > 0 && signal < s_names.Length ? "SIG" + s_names[signal] : $"SIG{signal}";

    private static bool TryParseRealTime(string name, out int signal)
    {
        var from = name.StartsWith("RTMIN", StringComparison.Ordinal) ? RealTimeMin : name.StartsWith("RTMAX", StringComparison.Ordinal) ? RealTimeMax : 0;
        var offset = 0;
        var valid = from > 0 && (name.Length == 5 || int.TryParse(name[5..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out offset));
        signal = valid ? from + offset : 0;
        return signal is >= RealTimeMin and <= RealTimeMax;
    }
}
