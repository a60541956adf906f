using System.CommandLine;
using System.Globalization;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>How much of the machine a container may use.</summary>
internal sealed class LimitOptions
{
    public Option<long?> Memory { get; } = Flag.Size("--memory", "most memory", "-m");
    public Option<long?> MemorySwap { get; } = Flag.Size("--memory-swap", "most memory and swap together; -1: any");
    public Option<long?> MemoryReservation { get; } = Flag.Size("--memory-reservation", "memory that it keeps when memory is short");
    public Option<long?> NanoCpus { get; } = Flag.Parsed<long?>("--cpus", "N", "most cores, as in 1.5", ParseCpus);
    public Option<long?> CpuShares { get; } = Flag.Number("--cpu-shares", "weight among others, 1024 is usual", "-c");
    public Option<string?> CpusetCpus { get; } = Flag.Text("--cpuset-cpus", "0-2,4", "cores it may run on");
    public Option<string?> CpusetMems { get; } = Flag.Text("--cpuset-mems", "0-1", "memory nodes it may use");
    public Option<long?> Pids { get; } = Flag.Number("--pids-limit", "most processes; -1: any");
    public Option<long?> BlkioWeight { get; } = Flag.Number("--blkio-weight", "weight of its disk use, 10 to 1000");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Memory, MemorySwap, MemoryReservation, NanoCpus, CpuShares, CpusetCpus, CpusetMems, Pids, BlkioWeight })
            command.Add(option);
    }

    public Resources Read(ParseResult parse) => new()
    {
        MemoryBytes = parse.GetValue(Memory) ?? 0,
        MemorySwapBytes = parse.GetValue(MemorySwap) ?? 0,
        MemoryReservationBytes = parse.GetValue(MemoryReservation) ?? 0,
        NanoCpus = parse.GetValue(NanoCpus) ?? 0,
        CpuShares = parse.GetValue(CpuShares) ?? 0,
        CpusetCpus = parse.GetValue(CpusetCpus) ?? "",
        CpusetMems = parse.GetValue(CpusetMems) ?? "",
        Pids = Math.Max(0, parse.GetValue(Pids) ?? 0),
        BlkioWeight = (int)(parse.GetValue(BlkioWeight) ?? 0),
    };

    private static long? ParseCpus(string text) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cores) && cores is >= 0 and < 100_000
            ? (long)(cores * 1_000_000_000) : throw new FormatException("expected a number, as in 1.5; 0 is no limit");
}
