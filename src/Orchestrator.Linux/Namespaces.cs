using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Orchestrator.Linux;

[Flags]
public enum NamespaceKinds
{
    None = 0,
    Time = 0x80,
    Mount = 0x20000,
    Cgroup = 0x2000000,
    Uts = 0x4000000,
    Ipc = 0x8000000,
    User = 0x10000000,
    Pid = 0x20000000,
    Network = 0x40000000,
}

/// <summary>Namespaces are a thread's, and a pooled thread must not carry a foreign one: work in them runs on a thread of its own, which then ends.</summary>
public static unsafe class Namespaces
{
    public static void Unshare(NamespaceKinds kinds) => Libc.Check(Libc.unshare((int)kinds), $"unshare {kinds}");

    public static void Enter(SafeHandle ns, NamespaceKinds kinds) =>
        Libc.Check(Libc.setns((int)ns.DangerousGetHandle(), (int)kinds), $"setns {kinds}");

    /// <summary>Runs a clone whose child is born in the pid namespace of a process. Meanwhile this thread cannot start threads.</summary>
    public static T CloneInto<T>(SafeHandle process, Func<T> clone)
    {
        using var own = FileSystem.Open("/proc/thread-self/ns/pid", OpenFlags.ReadOnly);
        Enter(process, NamespaceKinds.Pid);
        try
        {
            return clone();
        }
        finally
        {
            Enter(own, NamespaceKinds.Pid);
        }
    }

    /// <summary>Runs <paramref name="work"/> in the network namespace at <paramref name="path"/> (a bind-mounted or /proc/PID/ns/net file). Sockets that it opens stay in that namespace.</summary>
    public static T InNetwork<T>(string path, Func<T> work) => OnOwnThread(() =>
    {
        using var ns = FileSystem.Open(path, OpenFlags.ReadOnly);
        Enter(ns, NamespaceKinds.Network);
        return work();
    });

    /// <summary>
    /// Makes an empty network namespace, pins it by a bind mount on <paramref name="path"/>, which is created, and runs
    /// <paramref name="work"/> in it as <see cref="InNetwork"/> does.
    /// </summary>
    public static T CreateNetwork<T>(string path, Func<T> work)
    {
        using (File.Open(path, FileMode.CreateNew))
        {
        }
        try
        {
            return OnOwnThread(() =>
            {
                Unshare(NamespaceKinds.Network);
                Mounts.Bind("/proc/thread-self/ns/net", path);
                return work();
            });
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>The same, with nothing done in it.</summary>
    public static void CreateNetwork(string path) => CreateNetwork(path, () => 0);

    /// <summary>Unpins a network namespace; it ends when its last process and socket are gone. Nothing there is no error.</summary>
    public static void DeleteNetwork(string path)
    {
        if (!File.Exists(path))
            return;
        while (Mounts.Unmount(path))
        {
        }
        File.Delete(path);
    }

    private static T OnOwnThread<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
#pragma warning disable CA1031 // Carried over to the caller's thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
