using System.Globalization;
using System.Text.Json;
using Orchestrator.Linux;
using Orchestrator.Linux.Cgroups;
using Orchestrator.Runtime.Containers;

namespace Orchestrator.Runtime.Verbs;

/// <summary>Prints a line for each lack of memory, and one with statistics now and then, until the container ends.</summary>
internal static class EventsVerb
{
    public static int Run(string root, string[] args)
    {
        var arguments = Arguments.Parse(args, ["--stats"], ["--interval"], 1);
        var interval = Interval(arguments.Value("--interval") ?? "5s");
        var container = new Container(root, arguments.Operand(0, "the container's id"));
        var record = container.RequireRecord();
        using var process = container.RequireProcess(record, "watch");
        var layout = Container.Cgroups;
        var group = new Cgroup(layout, record.CgroupPath);
        if (arguments.Has("--stats"))
            Print(container, group, layout);
        else
            Follow(container, group, layout, process.Number(), interval);
        return 0;
    }

    private static void Follow(Container container, Cgroup group, CgroupLayout layout, int process, int intervalMs)
    {
        using var oom = new OomWatch(layout, group);
        Span<(int Fd, PollEvents Events)> waits = stackalloc (int, PollEvents)[2];
        var next = Environment.TickCount64 + intervalMs;
        while (true)
        {
            (waits[0], waits[1]) = ((process, PollEvents.Readable), (oom.Descriptor, PollEvents.Readable));
            FileDescriptors.Poll(waits, (int)Math.Clamp(next - Environment.TickCount64, 0, int.MaxValue));
            for (var count = waits[1].Events == PollEvents.None ? 0 : oom.Take(); count > 0; count--)
                Write(new RuntimeEvent("oom", container.Id));
            if (waits[0].Events != PollEvents.None)
                return;
            if (Environment.TickCount64 < next)
                continue;
            Print(container, group, layout);
            next += intervalMs;
        }
    }

    private static void Print(Container container, Cgroup group, CgroupLayout layout) =>
        Write(new RuntimeEvent("stats", container.Id, new StatisticsReader(layout, group).Read()));

    private static void Write(RuntimeEvent line) => FileDescriptors.Write(1, JsonSerializer.Serialize(line, ContainerJson.Default.RuntimeEvent) + "\n");

    /// <summary>Milliseconds, from the forms of Go: 500ms, 5s, 1m, 1h.</summary>
    private static int Interval(string text)
    {
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 1 : text.EndsWith('s') ? 1000 : text.EndsWith('m') ? 60_000 : text.EndsWith('h') ? 3_600_000 : 0;
        var digits = text.TrimEnd('m', 's', 'h');
        return unit > 0 && double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count > 0
            ? (int)Math.Clamp(count * unit, 1, int.MaxValue)
            : throw new UsageException($"--interval: \"{text}\" is no duration; accepted: as in 500ms, 5s, 1m");
    }
}
