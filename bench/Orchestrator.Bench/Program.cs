using Orchestrator.Bench.Store;

if (args is ["store", ..])
    return await StoreBench.RunAsync(seconds: Number(args, "--seconds", 3), runs: Number(args, "--runs", 3));
Console.Error.WriteLine("usage: Orchestrator.Bench store [--seconds N] [--runs N]");
return 2;

static int Number(string[] args, string option, int otherwise) =>
    Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? int.Parse(args[at + 1], System.Globalization.CultureInfo.InvariantCulture) : otherwise;
