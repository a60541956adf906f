using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Brings an image to this machine, and shows how far that is.</summary>
internal static class LocalImageFlow
{
    /// <param name="policy">"missing", "always" or "never".</param>
    public static async Task<LocalImage> EnsureAsync(Session session, string image, string policy, bool quiet, CancellationToken cancellation) => policy switch
    {
        "never" => await session.Images.InspectAsync(new ImageName { Name = image }, cancellationToken: cancellation),
        "missing" or "always" => (await PullAsync(session, image, policy == "missing", quiet, cancellation)).Image,
        _ => throw new RefusedException($"--pull {policy}: expected missing, always or never", ExitCode.NotMade),
    };

    public static async Task<PullImageResponse> PullAsync(Session session, string image, bool onlyIfMissing, bool quiet, CancellationToken cancellation)
    {
        using var call = session.Images.Pull(new PullImageRequest { Reference = image, OnlyIfMissing = onlyIfMissing }, cancellationToken: cancellation);
        using var progress = new PullView(session, image, quiet);
        await foreach (var answer in call.ResponseStream.ReadAllAsync(cancellation))
        {
            if (answer.KindCase == PullImageResponse.KindOneofCase.Image)
                return answer;
            progress.Show(answer.Layer);
        }
        throw new RefusedException($"image {image}: the agent ended the pull without a word");
    }

    /// <summary>One line on a terminal, written over and over; elsewhere one sentence.</summary>
    private sealed class PullView(Session session, string image, bool quiet) : IDisposable
    {
        private readonly Dictionary<string, LayerProgress> _layers = [];
        private long _shownMs;
        private bool _begun;

        public void Show(LayerProgress layer)
        {
            _layers[layer.Layer] = layer;
            if (quiet)
                return;
            if (!_begun)
                session.Error.Write($"pulling {Text.OneLine(image)}{(session.Streams.Terminal ? "" : "\n")}");
            _begun = true;
            if (!session.Streams.Terminal || Environment.TickCount64 - _shownMs < 100)
                return;
            _shownMs = Environment.TickCount64;
            session.Error.Write($"\r\u001b[2Kpulling {Text.OneLine(image)}: {_layers.Values.Count(l => l.Stage == "done")} of {_layers.Count} layers, "
                + $"{Amount.Bytes(_layers.Values.Sum(l => l.Bytes))} of {Amount.Bytes(_layers.Values.Sum(l => l.Total))}");
        }

        public void Dispose()
        {
            if (_begun && session.Streams.Terminal)
                session.Error.WriteLine();
        }
    }
}
