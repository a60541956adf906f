using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Engine.Volumes;

/// <summary>What is known of a volume beside its files, at ROOT/NAME/volume.json. One without that file was made by an older engine.</summary>
/// <param name="Anonymous">Made for one container, which gave it no name.</param>
/// <param name="Unfilled">Made empty: the first container that mounts it fills it with what its image has there.</param>
public sealed record VolumeInfo(long CreatedAtUnixMs, IReadOnlyDictionary<string, string> Labels, bool Anonymous = false, bool Unfilled = false)
{
    private const string FileName = "volume.json";

    internal static VolumeInfo Load(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(directory, FileName)), VolumeJson.Default.VolumeInfo) ?? Unknown(directory);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return Unknown(directory);
        }
    }

    internal void Save(string directory)
    {
        var path = Path.Combine(directory, FileName);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(this, VolumeJson.Default.VolumeInfo));
        File.Move(path + ".new", path, overwrite: true);
    }

    private static VolumeInfo Unknown(string directory) =>
        new(new DateTimeOffset(Directory.GetCreationTimeUtc(directory)).ToUnixTimeMilliseconds(), new Dictionary<string, string>());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(VolumeInfo))]
internal sealed partial class VolumeJson : JsonSerializerContext;
