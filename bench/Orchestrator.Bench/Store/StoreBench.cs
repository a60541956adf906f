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
    private static readonly int[] s_clients = [1, 16, 64, 256];

    public static async Task<int> RunAsync(int seconds, int runs)
    {
        var time = TimeSpan.FromSeconds(seconds);
        await using var ours = await HostGroup.StartAsync(3);
        await using var etcd = await EtcdGroup.StartAsync();
        if (etcd is null)
            Console.WriteLine("etcd is not installed (Debian: etcd-server): measured alone");
        var value = new byte[ValueBytes];
        var leader = await ours.LeaderAsync();
        await MeasureAsync(16, TimeSpan.FromSeconds(1), leader, etcd, value);
        Console.WriteLine($"{"clients",8} {"store/s",10} {"p50 ms",8} {"p99 ms",8} {"etcd/s",10} {"p50 ms",8} {"p99 ms",8} {"ratio",7}");
        foreach (var clients in s_clients)
        {
            var (store, other) = (new List<Measured>(), new List<Measured>());
            for (var run = 0; run < runs; run++)
            {
                var (s, e) = await MeasureAsync(clients, time, leader, etcd, value);
                store.Add(s);
                if (e is not null)
                    other.Add(e);
            }
            Print(clients, Measured.Median(store), other.Count > 0 ? Measured.Median(other) : null);
        }
        return 0;
    }

    private static async Task<(Measured Store, Measured? Etcd)> MeasureAsync(
        int clients, TimeSpan time, HostProcess leader, EtcdGroup? etcd, byte[] value)
    {
        var store = await Load.RunAsync(clients, time, (c, i) => WriteAsync(leader, c, i));
        var other = etcd is null ? null : await Load.RunAsync(clients, time, (c, i) => etcd.PutAsync(Key(c, i), value));
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
        Console.Write($"{clients,8} {store.PerSecond,10:N0} {store.P50Ms,8:0.0} {store.P99Ms,8:0.0}");
        Console.WriteLine(etcd is null ? "" : $" {etcd.PerSecond,10:N0} {etcd.P50Ms,8:0.0} {etcd.P99Ms,8:0.0} {store.PerSecond / etcd.PerSecond,6:0.0}x");
    }
}
