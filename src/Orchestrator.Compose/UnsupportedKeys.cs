namespace Orchestrator.Compose;

/// <summary>Keys that the Compose specification has and that are not honoured here, each with the way out where there is one.</summary>
internal static class UnsupportedKeys
{
    private const string Limits = "write deploy.resources.limits";

    public static Dictionary<string, string> Stack { get; } = new()
    {
        ["secrets"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["configs"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["models"] = "run the model as a service",
    };

    public static Dictionary<string, string> Volume { get; } = new()
    {
        ["driver_opts"] = "bind-mount a directory that the nodes have mounted",
    };

    public static Dictionary<string, string> Network { get; } = new()
    {
        ["external"] = "a network belongs to its stack; put services that talk to each other into one stack, or publish a port",
        ["driver_opts"] = "leave it out",
    };

    public static Dictionary<string, string> ServiceNetwork { get; } = new()
    {
        ["ipv4_address"] = "addresses are given out by the node; use the service's name",
        ["ipv6_address"] = "networks are IPv4; use the service's name",
        ["link_local_ips"] = "use the service's name",
        ["mac_address"] = "leave it out; addresses are given out by the node",
        ["interface_name"] = "",
        ["driver_opts"] = "leave it out",
        ["priority"] = "leave it out",
        ["gw_priority"] = "leave it out",
    };

    public static Dictionary<string, string> Resources { get; } = new()
    {
        ["devices"] = "it belongs under reservations",
        ["generic_resources"] = "it belongs under reservations",
        ["pids"] = "it belongs under limits",
    };

    public static Dictionary<string, string> Service { get; } = new()
    {
        ["cgroup_parent"] = "leave it out; containers are in a group of the agent's",
        ["configs"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["cpu_count"] = Limits + ".cpus",
        ["cpu_percent"] = Limits + ".cpus",
        ["credential_spec"] = "it is for Windows; leave it out",
        ["gpus"] = "name the devices under devices",
        ["isolation"] = "it is for Windows; leave it out",
        ["mac_address"] = "leave it out; addresses are given out by the node",
        ["mem_swappiness"] = "write memswap_limit; a container does not swap unless that allows it",
        ["models"] = "run the model as a service",
        ["oom_kill_disable"] = "write oom_score_adj",
        ["post_start"] = "start the command from the image's entrypoint",
        ["pre_start"] = "put it into a service of its own, and wait for it: depends_on with condition: service_completed_successfully",
        ["pre_stop"] = "let the program end in order on its stop_signal, within stop_grace_period",
        ["provider"] = "run it as a service with an image",
        ["secrets"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["storage_opt"] = "",
        ["use_api_socket"] = "bind-mount the socket that the program needs",
        ["volumes_from"] = "name the volume under volumes of both services",
    };
}
