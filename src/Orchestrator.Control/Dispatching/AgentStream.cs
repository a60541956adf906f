using Grpc.Core;
using Orchestrator.Model;

namespace Orchestrator.Control.Dispatching;

/// <summary>A logs or exec stream to one agent; disposing it ends the agent's side.</summary>
public sealed class AgentStream(IAsyncStreamReader<StreamChunk> reader, IServerStreamWriter<StreamChunk> writer) : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Ended => _ended.Task;

    /// <summary>Until the agent says that it ends, or its connection does.</summary>
    public async IAsyncEnumerable<StreamChunk> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        while (await reader.MoveNext(cancellation) && reader.Current.KindCase != StreamChunk.KindOneofCase.End)
            yield return reader.Current;
    }

    public Task WriteAsync(StreamChunk chunk, CancellationToken cancellation) => writer.WriteAsync(chunk, cancellation);

    public void Dispose() => _ended.TrySetResult();
}
