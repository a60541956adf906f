using System.Diagnostics;
using System.Net;
using Orchestrator.Engine.Networks;
using Orchestrator.Linux;
using Orchestrator.Linux.Netlink;
using Xunit;

namespace Orchestrator.Tests.Engine.Networks;

/// <summary>Machines as network namespaces on one bridge (192.0.2.0/24), in a directory of its own; all gone after <see cref="DisposeAsync"/>.</summary>
internal sealed class Lab : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orc-lab-").FullName;
    private readonly string _wire;
    private readonly List<LabHost> _hosts = [];

    public Lab()
    {
        _wire = Path.Combine(_directory, "wire");
        Namespaces.CreateNetwork(_wire);
        Namespaces.InNetwork(_wire, () =>
        {
            using var route = new RouteSocket();
            route.AddBridge("wire", new MacAddress(0x020000000001), 1500);
            route.SetUp(route.FindLink("wire")!.Index);
            return true;
        });
    }

    public static void RequireRoot() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");

    /// <summary>A machine with the address 192.0.2.<paramref name="number"/> on eth0.</summary>
    public LabHost AddHost(int number)
    {
        var host = new LabHost(Path.Combine(_directory, $"host{number}"), number);
        _hosts.Add(host);
        using var ns = FileSystem.Open(host.NetnsPath, OpenFlags.ReadOnly);
        Namespaces.InNetwork(_wire, () =>
        {
            using var route = new RouteSocket();
            route.AddVeth(new VethEnd($"port{number}", new MacAddress(0x020000010000UL + (uint)number)),
                new VethEnd("eth0", new MacAddress(0x020000020000UL + (uint)number), ns), 1500);
            var port = route.FindLink($"port{number}")!.Index;
            route.SetMaster(port, route.FindLink("wire")!.Index);
            route.SetUp(port);
            return true;
        });
        host.Configure();
        return host;
    }

    /// <summary>Hosts 1 and 2, nodes of blocks 16 and 17, with these networks.</summary>
    public async Task<(LabHost A, LabHost B)> AddPairAsync(params ClusterNetwork[] networks)
    {
        var (a, b) = (AddHost(1), AddHost(2));
        await a.Networks.EnsureAsync(new NetworkPlan(16, a.Address, networks, [new NetworkPeer(b.Address, 17)]));
        await b.Networks.EnsureAsync(new NetworkPlan(17, b.Address, networks, [new NetworkPeer(a.Address, 16)]));
        return (a, b);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.DisposeAsync();
        Namespaces.DeleteNetwork(_wire);
        Directory.Delete(_directory, recursive: true);
    }
}

internal sealed class LabHost : IAsyncDisposable
{
    private readonly string _directory;

    public LabHost(string directory, int number)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        NetnsPath = Path.Combine(directory, "net");
        Address = IPAddress.Parse($"192.0.2.{number}");
        Namespaces.CreateNetwork(NetnsPath);
        Thread = new NetnsThread(NetnsPath);
        Networks = NewNetworks();
    }

    public string NetnsPath { get; }

    public IPAddress Address { get; }

    public NetnsThread Thread { get; }

    public NodeNetworks Networks { get; set; }

    /// <summary>As a restarted agent would have it.</summary>
    public NodeNetworks NewNetworks() => new(new NetworkOptions(Path.Combine(_directory, "data"), Path.Combine(_directory, "run")), Thread);

    public void Configure() => Thread.RunAsync(() =>
    {
        using var route = new RouteSocket();
        var eth0 = route.FindLink("eth0")!.Index;
        route.AddAddress(new LinkAddress(eth0, Address, 24));
        route.SetUp(1);
        route.SetUp(eth0);
    }).GetAwaiter().GetResult();

    public async Task<Attachment> AttachAsync(string containerId, params string[] networks)
    {
        var attachment = await Networks.AttachAsync(containerId, networks, TestContext.Current.CancellationToken);
        await Networks.AwaitRunningAsync(containerId, TestContext.Current.CancellationToken);
        return attachment;
    }

    public Task EnsureAsync(NetworkPlan plan) => Networks.EnsureAsync(plan, TestContext.Current.CancellationToken);

    public string Run(params string[] command) => Shell.Run(NetnsPath, command);

    public T Ask<T>(Func<RouteSocket, T> question) => Thread.RunAsync(() =>
    {
        using var route = new RouteSocket();
        return question(route);
    }).GetAwaiter().GetResult();

    public async ValueTask DisposeAsync()
    {
        await Networks.RemoveAllAsync();
        Thread.Dispose();
        Namespaces.DeleteNetwork(NetnsPath);
    }
}

internal static class Shell
{
    /// <summary>Runs a program in a network namespace; its output, or the assertion fails with what it printed.</summary>
    public static string Run(string netns, params string[] command)
    {
        var (code, output) = Try(netns, command);
        Assert.True(code == 0, $"{string.Join(' ', command)}: exit {code}\n{output}");
        return output;
    }

    public static (int Code, string Output) Try(string netns, params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo("nsenter", [$"--net={netns}", "--", .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
