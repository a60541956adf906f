namespace Orchestrator.Compose;

/// <summary>Keys that the Compose specification has and that are not honoured here, each with the way out where there is one.</summary>
internal static class UnsupportedKeys
{
    private const string Limits = "write deploy.resources.limits";

    public static Dictionary<string, string> Stack { get; } = new()
    {
        ["secrets"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["configs"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["include"] = "write the services into this file",
        ["models"] = "",
    };

    public static Dictionary<string, string> Volume { get; } = new()
    {
        ["driver_opts"] = "bind-mount a directory that the nodes have mounted",
    };

    public static Dictionary<string, string> Network { get; } = new()
    {
        ["external"] = "a network belongs to its stack; put services that talk to each other into one stack, or publish a port",
        ["attachable"] = "leave it out",
        ["driver_opts"] = "leave it out",
        ["enable_ipv4"] = "leave it out; networks are IPv4",
        ["enable_ipv6"] = "leave it out; networks are IPv4",
    };

    public static Dictionary<string, string> ServiceNetwork { get; } = new()
    {
        ["ipv4_address"] = "addresses are given out by the node; use the service's name",
        ["ipv6_address"] = "networks are IPv4; use the service's name",
        ["link_local_ips"] = "use the service's name",
        ["mac_address"] = "",
        ["interface_name"] = "",
        ["driver_opts"] = "leave it out",
        ["priority"] = "leave it out",
        ["gw_priority"] = "leave it out",
    };

    public static Dictionary<string, string> Deploy { get; } = new()
    {
        ["endpoint_mode"] = "every service has a virtual IP, and tasks.SERVICE resolves to its replicas",
        ["update_config"] = "leave it out; replicas are replaced one after the other",
        ["rollback_config"] = "leave it out; to go back, apply the earlier file",
    };

    public static Dictionary<string, string> Resources { get; } = new()
    {
        ["devices"] = "it belongs under reservations",
        ["generic_resources"] = "it belongs under reservations",
        ["pids"] = "it belongs under limits",
    };

    public static Dictionary<string, string> Service { get; } = new()
    {
        ["annotations"] = "write labels",
        ["attach"] = "leave it out",
        ["blkio_config"] = "",
        ["build"] = "build the image and name it under image",
        ["cgroup"] = "",
        ["cgroup_parent"] = "",
        ["configs"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["container_name"] = "leave it out; replicas are called SERVICE.SLOT, and other services reach this one by its name",
        ["cpu_count"] = Limits + ".cpus",
        ["cpu_percent"] = Limits + ".cpus",
        ["cpu_period"] = Limits + ".cpus",
        ["cpu_quota"] = Limits + ".cpus",
        ["cpu_rt_period"] = "",
        ["cpu_rt_runtime"] = "",
        ["cpu_shares"] = "write deploy.resources.reservations.cpus",
        ["cpus"] = Limits + ".cpus",
        ["cpuset"] = "",
        ["credential_spec"] = "",
        ["develop"] = "leave it out",
        ["device_cgroup_rules"] = "",
        ["devices"] = "",
        ["dns"] = "",
        ["dns_opt"] = "",
        ["dns_search"] = "",
        ["domainname"] = "write the whole name under hostname",
        ["extends"] = "write the shared keys under an x- key with an anchor (&name) and merge them (<<: *name)",
        ["external_links"] = "",
        ["extra_hosts"] = "",
        ["gpus"] = "",
        ["group_add"] = "",
        ["ipc"] = "",
        ["isolation"] = "",
        ["label_file"] = "write labels",
        ["links"] = "leave it out; services of a network reach each other by name",
        ["logging"] = "leave it out; logs are kept on the node, rotated, and shown by `orc logs`",
        ["mac_address"] = "",
        ["mem_limit"] = Limits + ".memory",
        ["mem_reservation"] = "write deploy.resources.reservations.memory",
        ["mem_swappiness"] = "",
        ["memswap_limit"] = "",
        ["models"] = "",
        ["network_mode"] = "name the networks under networks",
        ["oom_kill_disable"] = "",
        ["oom_score_adj"] = "",
        ["pid"] = "",
        ["pids_limit"] = Limits + ".pids",
        ["post_start"] = "",
        ["pre_start"] = "",
        ["pre_stop"] = "",
        ["privileged"] = "name the capabilities that it needs under cap_add",
        ["profiles"] = "put services that are not always wanted into a stack of their own",
        ["provider"] = "",
        ["pull_policy"] = "leave it out; the image is resolved to a digest when the file is applied, and pulled where it is missing",
        ["pull_refresh_after"] = "leave it out",
        ["runtime"] = "",
        ["secrets"] = "put the values into environment or env_file, or bind-mount a file that every node has",
        ["security_opt"] = "leave it out; no-new-privileges and the default seccomp filter are always on",
        ["shm_size"] = "mount a tmpfs of that size at /dev/shm under volumes",
        ["stdin_open"] = "leave it out; `orc exec -it` gives a shell",
        ["storage_opt"] = "",
        ["sysctls"] = "",
        ["tty"] = "leave it out; `orc exec -it` gives a terminal",
        ["ulimits"] = "",
        ["use_api_socket"] = "",
        ["userns_mode"] = "",
        ["uts"] = "",
        ["volumes_from"] = "name the volume under volumes of both services",
    };
}
