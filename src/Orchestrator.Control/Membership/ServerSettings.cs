using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Model;
using Orchestrator.Transport;

namespace Orchestrator.Control.Membership;

/// <summary>Where this server listens and how others reach it: remembered, so that a restart needs no flags.</summary>
internal sealed record ServerSettings(string Listen, string Advertise, int ApiPort, int RaftPort, string Hostname)
{
    public static ServerSettings Of(ServerOptions options, ServerSettings? before, bool isMember)
    {
        var listen = options.Listen ?? before?.Listen ?? "0.0.0.0";
        if (!IPAddress.TryParse(listen, out var address))
            throw new ServerStartException($"--listen {listen}: expected an IP address of this machine");
        var settings = new ServerSettings(
            listen,
            options.Advertise ?? before?.Advertise ?? (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? OwnAddress() : listen),
            options.ApiPort ?? before?.ApiPort ?? ServerAddress.DefaultApiPort,
            options.RaftPort ?? before?.RaftPort ?? ServerAddress.DefaultRaftPort,
            options.Hostname ?? before?.Hostname ?? Environment.MachineName);
        if (ServerAddress.Parse(settings.ApiAddress) is null)
            throw new ServerStartException($"--advertise {settings.Advertise}: expected a host name or an IP address that the other machines reach");
        return isMember && before is not null && before.RaftAddress != settings.RaftAddress
            ? throw new ServerStartException($"the other servers know this one as {before.RaftAddress}: it cannot become {settings.RaftAddress}")
            : settings;
    }

    [JsonIgnore]
    public string ApiAddress => $"{Bracketed}:{ApiPort}";

    [JsonIgnore]
    public string RaftAddress => $"{Bracketed}:{RaftPort}";

    public ServerMember Member(string id) => new() { Id = id, Hostname = Hostname, ApiAddress = ApiAddress, RaftAddress = RaftAddress };

    public static ServerSettings? Load(string path) =>
        File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), ServerSettingsJson.Default.ServerSettings) : null;

    public void Save(string path) => ServerDirectory.Put(path, JsonSerializer.SerializeToUtf8Bytes(this, ServerSettingsJson.Default.ServerSettings));

    private string Bracketed => IPAddress.TryParse(Advertise, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{ip}]" : Advertise;

    private static string OwnAddress() =>
        NetworkInterface.GetAllNetworkInterfaces()
            .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            // The one with a way out is the one that others see.
            .OrderByDescending(i => i.GetIPProperties().GatewayAddresses.Count)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .FirstOrDefault(a => a.Address.AddressFamily == AddressFamily.InterNetwork)?.Address.ToString() ?? "127.0.0.1";
}

[JsonSerializable(typeof(ServerSettings))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class ServerSettingsJson : JsonSerializerContext;
