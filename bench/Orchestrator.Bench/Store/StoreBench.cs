using Orchestrator.StoreHost;
using Orchestrator.StoreHost.Driving;

namespace Orchestrator.Bench.Store;

/// <summary>
/// Committed changes per second of three store servers and of three etcd members, run in turns on the same machine: separate processes, client
/// over gRPC and mutual TLS at the leader, 200-byte values, every acknowledged write on a majority's disks.
/// </summary>
internal static class StoreBench
{
    private const int Keys = 10_000;
    private const int ValueBytes = 200;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(IReadOnlyList<int> clientCounts, int seconds, int runs)
    {
        var time = TimeSpan.FromSeconds(seconds);
        await using var ours = await HostGroup.StartAsync(3);
        await using var etcd = await EtcdGroup.StartAsync();
        if (etcd is null)
            Console.WriteLine("etcd is not installed (Debian: etcd-server): measured alone");
        var value = new byte[ValueBytes];
        await MeasureAsync(64, s_warmUp, ours, etcd, value);
        Console.WriteLine($"{"clients",8}{Head("store/s")}{Head("etcd/s")} {"ratio",7}");
        foreach (var clients in clientCounts)
        {
            var (store, other) = (new List<Measured>(), new List<Measured>());
            for (var run = 0; run < runs; run++)
            {
                var (s, e) = await MeasureAsync(clients, time, ours, etcd, value);
                store.Add(s);
                if (e is not null)
                    other.Add(e);
            }
            Print(clients, Measured.Median(store), other.Count > 0 ? Measured.Median(other) : null);
        }
        return 0;
    }

    private static async Task<(Measured Store, Measured? Etcd)> MeasureAsync(
        int clients, TimeSpan time, HostGroup ours, EtcdGroup? etcd, byte[] value)
    {
        var leader = await ours.LeaderAsync();
        var store = await Load.RunAsync(clients, time, () => TimeSpan.FromTicks(ours.Hosts.Sum(h => h.CpuTime.Ticks)), (c, i) => WriteAsync(leader, c, i));
        var other = etcd is null ? null : await Load.RunAsync(clients, time, etcd.CpuTime, (c, i) => etcd.PutAsync(Key(c, i), value));
        return (store, other);
    }

    private static async Task WriteAsync(HostProcess leader, int client, long number)
    {
        // Name, number and padding together are the value's size.
        var change = NumberedStack.Put(Key(client, number), number, requestId: "", padding: ValueBytes - 40);
        var reply = await leader.Client.ProposeAsync(change);
        if (reply.Result is not { Refusal: null })
            throw new InvalidOperationException($"not written: {reply.Error}{reply.Result?.Refusal?.Message}");
    }

    private static string Key(int client, long number) => $"k{((client * 7919L) + number) % Keys}";

    private static void Print(int clients, Measured store, Measured? etcd)
    {
        Console.Write($"{clients,8}{Row(store)}");
        Console.WriteLine(etcd is null ? "" : $"{Row(etcd)} {store.PerSecond / etcd.PerSecond,6:0.00}x");
    }

    private static string Head(string perSecond) => $" {perSecond,10} {"p50 ms",8} {"p99 ms",8} {"cpu ms",8}";

    private static string Row(Measured m) => $" {m.PerSecond,10:N0} {m.P50Ms,8:0.0} {m.P99Ms,8:0.0} {m.CpuMs,8:0.00}";
}
