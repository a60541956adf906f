using System.CommandLine;
using Google.Protobuf;
using Orchestrator.Cli.Output;
using Orchestrator.Model;

namespace Orchestrator.Cli.Commands.Containers;

/// <summary>Images of this machine, beside those that speak to a registry alone.</summary>
internal static class LocalImageCommands
{
    private const int ChunkBytes = 256 * 1024;

    public static IEnumerable<Command> All(Shell shell) => [List(shell), Pull(shell, "pull"), Load(shell), Tag(shell), Remove(shell, "rm"), Prune(shell), Inspect(shell)];

    public static Command List(Shell shell, string verb = "ls")
    {
        var quiet = Flag.Switch("--quiet", "digests only", "-q");
        return shell.On(new Command(verb, "List images of this machine") { quiet }, async (session, parse, cancellation) =>
        {
            var images = (await session.Images.ListAsync(new ListImagesRequest(), cancellationToken: cancellation)).Images;
            if (!parse.GetValue(quiet))
                return session.Show(() => JsonOutput.List(images, JsonOutput.Of), () => Table(images));
            foreach (var image in images)
                session.Out.WriteLine(image.Digest);
            return ExitCode.Done;
        });
    }

    public static Command Pull(Shell shell, string verb)
    {
        var reference = new Argument<string>("IMAGE") { Description = "[REGISTRY/]REPOSITORY[:TAG]" };
        var quiet = Flag.Switch("--quiet", "no progress", "-q");
        return shell.On(new Command(verb, "Bring an image to this machine") { reference, quiet }, async (session, parse, cancellation) =>
        {
            var answer = await LocalImageFlow.PullAsync(session, parse.GetRequiredValue(reference), onlyIfMissing: false, parse.GetValue(quiet), cancellation);
            session.Error.WriteLine(answer.WasHere ? "it was here already" : "pulled");
            session.Out.WriteLine(answer.Image.Digest);
            return ExitCode.Done;
        });
    }

    public static Command Remove(Shell shell, string verb)
    {
        var names = Names();
        var force = Flag.Switch("--force", "accepted for Docker's sake: an image in use is never removed", "-f");
        return shell.On(new Command(verb, "Take a name away from images of this machine, and remove those that have no other") { names, force }, async (session, parse, cancellation) =>
        {
            foreach (var name in parse.GetRequiredValue(names))
            {
                var answer = await session.Images.RemoveAsync(new RemoveImageRequest { Name = name, Force = parse.GetValue(force) }, cancellationToken: cancellation);
                foreach (var untagged in answer.Untagged)
                    session.Out.WriteLine($"untagged: {untagged}");
                foreach (var removed in answer.Removed)
                    session.Out.WriteLine($"removed: {removed}");
            }
            return ExitCode.Done;
        });
    }

    private static Command Load(Shell shell)
    {
        var archive = new Argument<string?>("ARCHIVE") { Description = "file made by `docker save`, or a tar of an OCI layout [standard input]", Arity = ArgumentArity.ZeroOrOne };
        var input = Flag.Text("--input", "FILE", "the archive", "-i");
        return shell.On(new Command("load", "Bring the images of an archive to this machine") { archive, input }, async (session, parse, cancellation) =>
        {
            var path = parse.GetValue(input) ?? parse.GetValue(archive);
            if (path is not null && !File.Exists(path))
                throw new RefusedException($"there is no file {path}", ExitCode.Usage);
            await using var file = path is null ? session.Streams.In : File.OpenRead(path);
            using var call = session.Images.Load(cancellationToken: cancellation);
            var buffer = new byte[ChunkBytes];
            int read;
            while ((read = await file.ReadAsync(buffer, cancellation)) > 0)
                await call.RequestStream.WriteAsync(new CopyChunk { Data = ByteString.CopyFrom(buffer, 0, read) }, cancellation);
            await call.RequestStream.CompleteAsync();
            foreach (var image in (await call).Images)
                session.Out.WriteLine($"loaded: {string.Join(", ", image.References.DefaultIfEmpty(image.Digest))}");
            return ExitCode.Done;
        });
    }

    private static Command Tag(Shell shell)
    {
        var source = new Argument<string>("IMAGE") { Description = "name, digest, or the beginning of one" };
        var target = new Argument<string>("NAME") { Description = "its further name" };
        return shell.On(new Command("tag", "Give an image of this machine another name") { source, target }, async (session, parse, cancellation) =>
        {
            await session.Images.TagAsync(new TagImageRequest { Source = parse.GetRequiredValue(source), Target = parse.GetRequiredValue(target) }, cancellationToken: cancellation);
            return ExitCode.Done;
        });
    }

    private static Command Inspect(Shell shell)
    {
        var names = Names();
        var format = Flag.Text("--format", "TEMPLATE", "only this, as '{{.Config.Cmd}}'", "-f");
        return shell.On(new Command("inspect", "Show everything about images, as JSON") { names, format }, async (session, parse, cancellation) =>
        {
            var found = new System.Text.Json.Nodes.JsonArray();
            foreach (var name in parse.GetRequiredValue(names))
                found.Add((System.Text.Json.Nodes.JsonNode)DockerJson.Of(await session.Images.InspectAsync(new ImageName { Name = name }, cancellationToken: cancellation)));
            if (parse.GetValue(format) is not { } template)
                session.Out.Write(JsonOutput.Text(found));
            else
                foreach (var one in found)
                    session.Out.WriteLine(Template.Render(template, one!));
            return ExitCode.Done;
        });
    }

    private static Command Prune(Shell shell)
    {
        var all = Flag.Switch("--all", "also those with a name that no container uses", "-a");
        var force = Flag.Switch("--force", "accepted for Docker's sake: nothing is asked", "-f");
        return shell.On(new Command("prune", "Remove images of this machine that have no name") { all, force }, async (session, parse, cancellation) =>
        {
            var answer = await session.Images.PruneAsync(new PruneImagesRequest { All = parse.GetValue(all) }, cancellationToken: cancellation);
            foreach (var removed in answer.Removed)
                session.Out.WriteLine(removed);
            session.Error.WriteLine($"{answer.Removed.Count} removed, {Amount.Bytes(answer.Bytes)} freed");
            return ExitCode.Done;
        });
    }

    private static Argument<string[]> Names() => new("IMAGE") { Description = "names, digests, or beginnings of digests", Arity = ArgumentArity.OneOrMore };

    private static Table Table(IEnumerable<LocalImage> images)
    {
        var table = new Table("REPOSITORY", "TAG", "DIGEST", "CREATED", "SIZE");
        foreach (var image in images)
            foreach (var reference in image.References.DefaultIfEmpty("<none>"))
            {
                var at = reference.IndexOf('@', StringComparison.Ordinal);
                var bare = at < 0 ? reference : reference[..at];
                var colon = bare.LastIndexOf(':');
                var tagged = colon > bare.LastIndexOf('/');
                table.Add(
                    tagged ? bare[..colon] : bare, tagged ? bare[(colon + 1)..] : "<none>", image.Digest.Length > 19 ? image.Digest[..19] : image.Digest,
                    image.CreatedMs == 0 ? "" : Text.Age(image.CreatedMs) + " ago", Amount.Bytes(image.SizeBytes));
            }
        return table;
    }
}
