using Grpc.Core;
using Orchestrator.Model;
using Orchestrator.Tests.Model;
using Orchestrator.Transport;
using Xunit;
using static Orchestrator.Model.Api;

namespace Orchestrator.Tests.Control.Api;

public sealed class ApplyTests
{
    [Fact]
    public async Task A_stack_is_applied_once_with_its_images_resolved()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        var request = new ApplyStackRequest { Spec = Specs.Stack("shop", Specs.Service("web", 2, registry.Image)), RequestId = "one" };

        var first = await api.ApplyStackAsync(request, cancellationToken: ServerGroup.Deadline);
        var again = await api.ApplyStackAsync(request, cancellationToken: ServerGroup.Deadline);

        Assert.Equal(first.Revision, again.Revision);
        Assert.Contains(first.Actions, a => a is { Verb: PlannedVerb.Create, Kind: "service", Name: "web" });
        var stack = Assert.Single((await api.ListStacksAsync(new(), cancellationToken: ServerGroup.Deadline)).Stacks);
        Assert.Equal(registry.Digest, stack.Spec.Services[0].Container.ImageDigest);
        Assert.Equal(2, Assert.Single((await api.ListServicesAsync(new(), cancellationToken: ServerGroup.Deadline)).Services).Asked);
    }

    [Fact]
    public async Task An_image_that_is_never_pulled_is_not_asked_for()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        var spec = Specs.Stack("shop", Specs.Service("web", 1, "nowhere.invalid/local:1").With(s => s.Container.PullPolicy = "never"));
        await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline);
        Assert.Equal("", Assert.Single(group.Servers[0].Store.State.Stacks.Values).Spec.Services[0].Container.ImageDigest);
    }

    [Fact]
    public async Task A_missing_image_is_refused_by_service_and_image()
    {
        await using var registry = await FakeRegistry.StartAsync();
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        var spec = Specs.Stack("shop", Specs.Service("web", 1, $"{registry.Address}/missing:7"));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline));

        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
        Assert.Contains("web", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("missing:7", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(group.Servers[0].Store.State.Stacks);
    }

    [Fact]
    public async Task An_unreachable_registry_is_refused_unless_the_image_is_already_applied()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        StackSpec spec;
        await using (var registry = await FakeRegistry.StartAsync())
        {
            spec = Specs.Stack("shop", Specs.Service("web", 1, registry.Image));
            await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline);
        }

        spec.Services[0].Replicas = 3;
        var kept = await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline);
        spec.Services[0].Container.Image += "1";
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline));

        Assert.Contains("web", Assert.Single(kept.Warnings), StringComparison.Ordinal);
        Assert.Equal(StatusCode.FailedPrecondition, refusal.StatusCode);
    }

    [Fact]
    public async Task An_invalid_spec_is_refused_with_every_error_and_changes_nothing()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));
        var spec = Specs.Stack("shop", Specs.Service("web", -1), Specs.Service("db", -2));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await api.ApplyStackAsync(new() { Spec = spec }, cancellationToken: ServerGroup.Deadline));

        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains("web", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("db", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(group.Servers[0].Store.State.Stacks);
    }

    [Fact]
    public async Task Names_that_are_not_there_are_refused_in_a_sentence()
    {
        await using var group = await ServerGroup.StartAsync(1);
        var api = new ApiClient(group.Channel(Role.Admin));

        var service = await Assert.ThrowsAsync<RpcException>(async () => await api.ScaleServiceAsync(new() { Service = "web" }, cancellationToken: ServerGroup.Deadline));
        var node = await Assert.ThrowsAsync<RpcException>(async () => await api.UpdateNodeAsync(new() { Node = "n1" }, cancellationToken: ServerGroup.Deadline));
        var stack = await Assert.ThrowsAsync<RpcException>(async () => await api.RemoveStackAsync(new() { Name = "shop" }, cancellationToken: ServerGroup.Deadline));

        Assert.All([service, node, stack], e => Assert.Equal(StatusCode.NotFound, e.StatusCode));
        Assert.Contains("no service 'web'", service.Status.Detail, StringComparison.Ordinal);
    }
}
