using Orchestrator.Bench.Scale;
using Orchestrator.Bench.Store;

if (args is ["store", ..])
    return await StoreBench.RunAsync(Clients(args), seconds: Number(args, "--seconds", 3), runs: Number(args, "--runs", 3));
if (args is ["scale", ..])
    return new ScaleBench(Number(args, "--nodes", 5000)).Run(Number(args, "--containers", 1_000_000));
Console.Error.WriteLine("usage: Orchestrator.Bench store [--clients N,N] [--seconds N] [--runs N]");
Console.Error.WriteLine("       Orchestrator.Bench scale [--nodes N] [--containers N]");
return 2;

static int[] Clients(string[] args) =>
    [.. (Value(args, "--clients") ?? "1,16,64,256").Split(',').Select(n => int.Parse(n, System.Globalization.CultureInfo.InvariantCulture))];

static int Number(string[] args, string option, int otherwise) =>
    Value(args, option) is { } value ? int.Parse(value, System.Globalization.CultureInfo.InvariantCulture) : otherwise;

static string? Value(string[] args, string option) =>
    Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
