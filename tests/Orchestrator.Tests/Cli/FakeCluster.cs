using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orchestrator.Cli;
using Orchestrator.Model;

namespace Orchestrator.Tests.Cli;

/// <summary>A server that answers what a test tells it to, behind real gRPC on loopback, and a command line that talks to it.</summary>
internal sealed class FakeCluster : Api.ApiBase, IAsyncDisposable
{
    private readonly WebApplication _host;
    private GrpcChannel _channel = null!;

    private FakeCluster()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        _host = builder.Build();
        _host.MapGrpcService<FakeCluster>();
    }

    public ConcurrentQueue<object> Requests { get; } = new();

    public List<Node> Nodes { get; } = [];

    public List<Replica> Replicas { get; } = [];

    public List<ServiceStatus> Services { get; } = [];

    public List<LogLine> Lines { get; } = [];

    /// <summary>Sent to a watcher one after the other; then the stream stays open.</summary>
    public List<WatchStackResponse> Pictures { get; } = [];

    /// <summary>So many streams of log lines break off after their lines.</summary>
    public int LogBreaks { get; set; }

    public ApplyStackResponse Applied { get; } = new();

    public WhyReplicaResponse Why { get; set; } = new();

    public RpcException? Refusal { get; set; }

    public static async Task<FakeCluster> StartAsync()
    {
        var cluster = new FakeCluster();
        await cluster._host.StartAsync();
        var address = cluster._host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        cluster._channel = GrpcChannel.ForAddress(address);
        return cluster;
    }

    public async Task<(int ExitCode, string Output, string Error)> OrcAsync(string[] arguments, byte[]? input = null)
    {
        using var output = new MemoryStream();
        var (exitCode, error) = await OrcAsync(arguments, output, input);
        return (exitCode, Encoding.UTF8.GetString(output.ToArray()), error);
    }

    public async Task<(int ExitCode, string Error)> OrcAsync(string[] arguments, Stream output, byte[]? input = null)
    {
        using var error = new MemoryStream();
        var streams = new Streams(new MemoryStream(input ?? []), output, error, Terminal: false, () => 80);
        var exitCode = await new Shell(streams, _ => _channel.CreateCallInvoker()).RunAsync(arguments);
        return (exitCode, Encoding.UTF8.GetString(error.ToArray()));
    }

    public override Task<PlanStackResponse> PlanStack(PlanStackRequest request, ServerCallContext context) =>
        Answer(request, new PlanStackResponse { Actions = { Applied.Actions }, Warnings = { Applied.Warnings } });

    public override Task<ApplyStackResponse> ApplyStack(ApplyStackRequest request, ServerCallContext context) => Answer(request, Applied);

    public override Task<RemoveStackResponse> RemoveStack(RemoveStackRequest request, ServerCallContext context) => Answer(request, new RemoveStackResponse());

    public override Task<ListServicesResponse> ListServices(ListServicesRequest request, ServerCallContext context) =>
        Answer(request, new ListServicesResponse { Services = { Services } });

    public override Task<ScaleServiceResponse> ScaleService(ScaleServiceRequest request, ServerCallContext context) => Answer(request, new ScaleServiceResponse { Revision = 1 });

    public override Task<SteerRolloutResponse> SteerRollout(SteerRolloutRequest request, ServerCallContext context) =>
        Answer(request, new SteerRolloutResponse { Revision = 1, Service = Services.Single(s => s.Service.Id == request.Service).Service });

    public override Task<ListReplicasResponse> ListReplicas(ListReplicasRequest request, ServerCallContext context) =>
        Answer(request, new ListReplicasResponse { Replicas = { Replicas } });

    public override Task<WhyReplicaResponse> WhyReplica(WhyReplicaRequest request, ServerCallContext context) => Answer(request, Why);

    public override Task<ListNodesResponse> ListNodes(ListNodesRequest request, ServerCallContext context) => Answer(request, new ListNodesResponse { Nodes = { Nodes } });

    public override Task<UpdateNodeResponse> UpdateNode(UpdateNodeRequest request, ServerCallContext context) =>
        Answer(request, new UpdateNodeResponse { Node = new Node { Hostname = request.Node, Labels = { request.SetLabels } } });

    public override async Task WatchStack(WatchStackRequest request, IServerStreamWriter<WatchStackResponse> responseStream, ServerCallContext context)
    {
        foreach (var picture in Pictures)
            await responseStream.WriteAsync(picture);
        await Task.Delay(Timeout.Infinite, context.CancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public override async Task Logs(LogsRequest request, IServerStreamWriter<LogLine> responseStream, ServerCallContext context)
    {
        Requests.Enqueue(request);
        foreach (var line in Lines)
            await responseStream.WriteAsync(line);
        if (Requests.OfType<LogsRequest>().Count() <= LogBreaks)
            throw new RpcException(new Status(StatusCode.Unavailable, "the server goes away"));
    }

    /// <summary>Runs "cat" (echoes its input), "sleep" (until interrupted) and "fail".</summary>
    public override async Task Exec(IAsyncStreamReader<ExecInput> requestStream, IServerStreamWriter<ExecOutput> responseStream, ServerCallContext context)
    {
        await requestStream.MoveNext();
        var start = requestStream.Current.Start;
        Requests.Enqueue(start);
        if (start.Command[0] == "fail")
        {
            await responseStream.WriteAsync(new ExecOutput { Error = "there is no such program" });
            return;
        }
        await foreach (var message in requestStream.ReadAllAsync())
        {
            if (message.KindCase == ExecInput.KindOneofCase.Stdin)
                await responseStream.WriteAsync(new ExecOutput { Stdout = message.Stdin });
            else
                break;
        }
        await responseStream.WriteAsync(new ExecOutput { ExitCode = 7 });
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _host.DisposeAsync();
    }

    private Task<T> Answer<T>(object request, T answer)
    {
        Requests.Enqueue(request);
        return Refusal is null ? Task.FromResult(answer) : Task.FromException<T>(Refusal);
    }
}
