using System.Formats.Tar;
using Orchestrator.Engine.Containers;
using Orchestrator.Engine.Copying;
using Orchestrator.Linux;
using Xunit;

namespace Orchestrator.Tests.Engine.Containers;

/// <summary>What a container of one machine does beyond a single run, with the real runtime.</summary>
public sealed class ContainerRunsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_renewed_container_runs_again_with_its_files_volumes_and_log()
    {
        await using var lab = await EngineLab.OpenAsync();
        var options = lab.Shell("echo x >> /runs; echo y >> /own/runs; while read l; do echo $l; done < /runs; while read l; do echo $l; done < /own/runs", o => o with { Mounts = [new VolumeMount(null, "/own")] });
        var first = await lab.StartAsync(options);
        await first.Ended.WaitAsync(Cancellation);
        await lab.Engine.ReleaseProcessAsync(first);
        var second = await lab.Engine.RenewAsync(first, options);
        Assert.Same(second, lab.Engine.Find(options.Id));
        await lab.Engine.StartAsync(second);
        Assert.Equal(0, (await second.Ended.WaitAsync(Cancellation)).ExitCode);
        Assert.Equal("x\ny\nx\nx\ny\ny\n", await EngineLab.LogAsync(second));
        Assert.Equal(first.Record.CreatedAtUnixMs, second.Record.CreatedAtUnixMs);
        await Assert.ThrowsAsync<ContainerException>(() => lab.Engine.StartAsync(first));
    }

    [Fact]
    public async Task A_frozen_container_stands_still_and_its_limits_change_while_it_runs()
    {
        await using var lab = await EngineLab.OpenAsync();
        const string Counting = "i=0; while true; do i=$((i+1)); echo $i > /n; done";
        var container = await lab.StartAsync(lab.Shell(Counting, o => o with { Limits = new ContainerLimits(MemoryBytes: 64 << 20) }));
        var witness = await lab.StartAsync(lab.Shell(Counting));
        var file = $"/proc/{container.Record.Process!.Pid}/root/n";
        var cgroup = lab.Engine.CgroupOf(container);
        await cgroup.FreezeAsync();
        var frozen = File.ReadAllText(file);
        // That another one gets on meanwhile shows that this one could have.
        var beside = $"/proc/{witness.Record.Process!.Pid}/root/n";
        var passed = new HashSet<string>();
        await EngineLab.UntilAsync(() => File.Exists(beside) && passed.Add(File.ReadAllText(beside)) && passed.Count == 10);
        Assert.Equal(frozen, File.ReadAllText(file));
        cgroup.Thaw();
        await EngineLab.UntilAsync(() => File.ReadAllText(file) != frozen);
        var limits = new ContainerLimits(MemoryBytes: 64 << 20);
        // 0 lifts it.
        foreach (var limit in new[] { 128L << 20, 32L << 20, 0, 64L << 20 })
        {
            await lab.Engine.UpdateAsync(container, limits, limits = new ContainerLimits(MemoryBytes: limit, NanoCpus: limit * 10, Pids: limit >> 20) { CpuShares = limit >> 20 });
            Assert.Equal(limit, cgroup.Usage(container.Record.Process.Pid).MemoryLimitBytes);
        }
        Assert.True(cgroup.Usage(container.Record.Process.Pid).CpuNs > 0);
    }

    [Fact]
    public async Task A_container_joins_the_processes_of_another()
    {
        await using var lab = await EngineLab.OpenAsync();
        var other = await lab.StartAsync(lab.Shell("echo ready; exec sleep 1234"));
        await EngineLab.SaysAsync(other, "ready");
        var (_, output) = await lab.RunAsync(lab.Shell("busybox tr '\\0' ' ' < /proc/1/cmdline", o => o with { PidsOf = other.Record.Process!.Pid }));
        Assert.Equal("sleep 1234 \n", output);
    }

    [Fact]
    public async Task A_filter_of_ones_own_is_followed_by_capability_and_kernel()
    {
        const string profile = """
            { "defaultAction": "SCMP_ACT_ALLOW", "archMap": [ { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] } ], "syscalls": [
              { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
              { "name": "sethostname", "action": "SCMP_ACT_ERRNO", "args": null, "includes": { "caps": null, "minKernel": "99.0" }, "excludes": {} } ] }
            """;
        await using var lab = await EngineLab.OpenAsync();
        const string script = "busybox mkdir /x 2>&1 || true; hostname other 2>/dev/null && echo named";
        Assert.Contains("Permission denied", (await lab.RunAsync(lab.Shell(script, o => o with { SeccompProfile = profile }))).Output, StringComparison.Ordinal);
        Assert.Equal("named\n", (await lab.RunAsync(lab.Shell(script, o => o with { SeccompProfile = profile, AddCapabilities = ["SYS_ADMIN"] }))).Output);
        foreach (var bad in new[] { "{", "{ \"defaultAction\": \"nonsense\" }" })
            Assert.Contains("seccomp", Assert.Throws<ContainerException>(() => lab.Engine.Create(lab.Shell("true", o => o with { SeccompProfile = bad }))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changes_of_the_image_are_read_off_the_writable_layer()
    {
        await using var lab = await EngineLab.OpenAsync();
        var container = await lab.StartAsync(lab.Shell("echo x > /added; echo y >> /etc/passwd; echo z > /data/sub/new"));
        await container.Ended.WaitAsync(Cancellation);
        var changes = ContainerChanges.Of(Path.GetDirectoryName(container.LogPath)!, lab.Image);
        Assert.Contains(new FileChange(FileChangeKind.Added, "/added"), changes);
        Assert.Contains(new FileChange(FileChangeKind.Modified, "/etc/passwd"), changes);
        Assert.Contains(new FileChange(FileChangeKind.Added, "/data/sub/new"), changes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_go_out_and_in_and_no_link_leads_out(bool runs)
    {
        await using var lab = await EngineLab.OpenAsync();
        var outside = Directory.CreateDirectory(Path.Combine(lab.Options.DataDirectory, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "secret"), "of the machine\n");
        Directory.CreateDirectory(Path.Combine(outside, "sub"));
        var links = $"ln -s {outside} /way; ln -s ../../../../../../../../..{outside} /up; ln -s {outside}/secret /file";
        var container = await lab.StartAsync(lab.Shell($"mkdir -p /d/e; echo deep > /d/e/f; {links}; echo up; {(runs ? "exec sleep 1000" : "true")}"));
        await EngineLab.SaysAsync(container, "up");
        if (!runs)
            await container.Ended.WaitAsync(Cancellation);
        using var files = ContainerFiles.Open(container, lab.Image, []);
        using var tar = new MemoryStream();
        await files.PackAsync("/d", followLink: false, tar, Cancellation);
        tar.Position = 0;
        await files.UnpackAsync("/copy", tar, keepOwners: true, Cancellation);
        using var back = new MemoryStream();
        await files.PackAsync("/copy/e/f", followLink: false, back, Cancellation);
        Assert.Contains("deep", System.Text.Encoding.UTF8.GetString(back.ToArray()), StringComparison.Ordinal);
        foreach (var path in new[] { "/missing", $"/../..{outside}/secret", "/way/secret", "/up/secret", "/file" })
            await Assert.ThrowsAsync<ContainerException>(() => files.PackAsync(path, followLink: true, Stream.Null, Cancellation));
        await AssertStaysInsideAsync(files, outside);
        Assert.DoesNotContain(Directory.GetFiles("/proc/self", "mountinfo").SelectMany(File.ReadLines), l => l.Contains(container.Id, StringComparison.Ordinal));
    }

    // What is copied in may be as hostile as what is copied out.
    private static async Task AssertStaysInsideAsync(ContainerFiles files, string outside)
    {
        foreach (var target in new[] { "/way/sub", "/way", "/up/sub", "/up", "/../../../../.." + outside })
            await Record.ExceptionAsync(() => files.UnpackAsync(target, Tar(new PaxTarEntry(TarEntryType.RegularFile, "planted")), keepOwners: true, Cancellation));
        foreach (var name in new[] { "../planted", "a/../../planted", outside + "/planted" })
            await Record.ExceptionAsync(() => files.UnpackAsync("/d", Tar(new PaxTarEntry(TarEntryType.RegularFile, name)), keepOwners: true, Cancellation));
        await Record.ExceptionAsync(() => files.UnpackAsync("/d", Tar(
            new PaxTarEntry(TarEntryType.SymbolicLink, "l") { LinkName = outside }, new PaxTarEntry(TarEntryType.RegularFile, "l/planted")), keepOwners: true, Cancellation));
        await Record.ExceptionAsync(() => files.UnpackAsync("/d", Tar(
            new PaxTarEntry(TarEntryType.SymbolicLink, "m") { LinkName = outside + "/secret" }, new PaxTarEntry(TarEntryType.RegularFile, "m")), keepOwners: true, Cancellation));
        await Record.ExceptionAsync(() => files.UnpackAsync("/d", Tar(
            new PaxTarEntry(TarEntryType.SymbolicLink, "n") { LinkName = outside }, new PaxTarEntry(TarEntryType.HardLink, "h") { LinkName = "n/secret" }), keepOwners: true, Cancellation));
        Assert.Equal(["secret", "sub"], Directory.GetFileSystemEntries(outside, "*", SearchOption.AllDirectories).Select(f => Path.GetFileName(f)).Order());
        Assert.Equal("of the machine\n", File.ReadAllText(Path.Combine(outside, "secret")));
        Assert.Equal(1u, FileSystem.Status(Path.Combine(outside, "secret"))!.Value.Links);
    }

    private static MemoryStream Tar(params PaxTarEntry[] entries)
    {
        var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, leaveOpen: true))
            foreach (var entry in entries)
                writer.WriteEntry(entry);
        stream.Position = 0;
        return stream;
    }
}
