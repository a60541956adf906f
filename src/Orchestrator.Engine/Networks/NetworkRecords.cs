using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Engine.Networks;

/// <summary>What the machine remembers of its networks: written before the kernel is touched, so that no start finds something unknown.</summary>
internal sealed record NetworkRecords(
    string BootId, NetworkPlan? Plan, IReadOnlyDictionary<string, ContainerRecord> Containers, IReadOnlyDictionary<string, int> LastHosts)
{
    public static NetworkRecords Load(string path, string bootId)
    {
        var empty = new NetworkRecords(bootId, null, new Dictionary<string, ContainerRecord>(), new Dictionary<string, int>());
        if (!File.Exists(path))
            return empty;
        try
        {
            var found = JsonSerializer.Deserialize(File.ReadAllBytes(path), NetworkJson.Default.NetworkRecords) ?? empty;
            // No container outlives a boot, so neither does its address.
            return found.BootId == bootId ? found : found with { BootId = bootId, Containers = empty.Containers };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} cannot be read ({e.Message}); with no container running it may be deleted", e);
        }
    }

    public void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var next = path + ".next";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(this, NetworkJson.Default.NetworkRecords));
        File.Move(next, path, overwrite: true);
    }
}

/// <param name="Interfaces">eth0, eth1, ...</param>
internal sealed record ContainerRecord(IReadOnlyList<InterfaceRecord> Interfaces);

/// <summary>One interface of a container, with all that is needed to make and remove it after its network has left the plan.</summary>
internal sealed record InterfaceRecord(string NetworkId, uint Vni, IPNetwork Subnet, bool Internal, IPAddress Address, IPAddress Gateway);

[JsonSourceGenerationOptions(Converters = [typeof(IPAddressConverter), typeof(IPNetworkConverter)])]
[JsonSerializable(typeof(NetworkRecords))]
internal sealed partial class NetworkJson : JsonSerializerContext;

internal sealed class IPAddressConverter : JsonConverter<IPAddress>
{
    public override IPAddress? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        IPAddress.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("not an IP address");

    public override void Write(Utf8JsonWriter writer, IPAddress value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}

internal sealed class IPNetworkConverter : JsonConverter<IPNetwork>
{
    public override IPNetwork Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        IPNetwork.TryParse(reader.GetString(), out var network) ? network : throw new JsonException("not an IP network");

    public override void Write(Utf8JsonWriter writer, IPNetwork value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
