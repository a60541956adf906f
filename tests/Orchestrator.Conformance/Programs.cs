using System.Diagnostics;
using Xunit;

namespace Orchestrator.Conformance;

/// <summary>Small programs for inside a container, compiled once: they make one syscall and print what it returned.</summary>
internal static class Programs
{
    // "probe NUMBER ARGUMENTS...": the result, or -errno. With "wait" in front it says so first and waits for a line.
    private const string Call64 = """
        static long call(long n, long a, long b, long c, long d, long e, long f) {
          long r; register long r10 __asm__("r10") = d; register long r8 __asm__("r8") = e; register long r9 __asm__("r9") = f;
          __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory"); return r; }
        static long put(const char *s, long n) { return call(1, 1, (long)s, n, 0, 0, 0); }
        static void leave(long code) { call(231, code, 0, 0, 0, 0, 0); }
        __asm__(".globl _start\n_start: mov %rsp,%rdi\n and $-16,%rsp\n call begin\n");
        """;

    private const string Call32 = """
        static long call(long n, long a, long b, long c, long d, long e, long f) {
          long r; (void)e; (void)f; __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c), "S"(d) : "memory"); return r; }
        static long put(const char *s, long n) { return call(4, 1, (long)s, n, 0, 0, 0); }
        static void leave(long code) { call(252, code, 0, 0, 0, 0, 0); }
        __asm__(".globl _start\n_start: mov %esp,%eax\n and $-16,%esp\n sub $12,%esp\n push %eax\n call begin\n");
        """;

    private const string Probe = """
        static long number(const char *s) { long n = 0; int base = 10, minus = 0; if (*s == '-') { minus = 1; s++; }
          if (s[0] == '0' && s[1] == 'x') { base = 16; s += 2; }
          for (; *s; s++) n = n * base + (*s <= '9' ? *s - '0' : *s - 'a' + 10); return minus ? -n : n; }
        void begin(long *stack) {
          long argc = stack[0]; char **argv = (char **)(stack + 1); long a[7] = {0};
          for (int i = 1; i < argc && i < 8; i++) a[i - 1] = number(argv[i]);
          long r = call(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
          char text[24]; int at = 24; text[--at] = '\n'; long v = r < 0 ? -r : r;
          do { text[--at] = '0' + v % 10; v /= 10; } while (v); if (r < 0) text[--at] = '-';
          put(text + at, 24 - at); leave(0); }
        """;

    private static readonly Lazy<string> s_directory = new(() => Directory.CreateTempSubdirectory("orc-programs").FullName);
    private static readonly Lazy<string> s_probe = new(() => Compile("probe", Call64 + Probe, "-m64"));
    private static readonly Lazy<string> s_probe32 = new(() => Compile("probe32", Call32 + Probe, "-m32"));

    static Programs() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        if (s_directory.IsValueCreated)
            Directory.Delete(s_directory.Value, recursive: true);
    };

    public static void PutProbe(Bundle bundle) => Put(bundle, s_probe.Value, "probe");

    /// <summary>The same as a 32-bit program.</summary>
    public static void PutProbe32(Bundle bundle) => Put(bundle, s_probe32.Value, "probe32");

    /// <summary>A static C program of the test's own.</summary>
    public static void PutC(Bundle bundle, string name, string source) => Put(bundle, Compile(name + Guid.NewGuid().ToString("N"), source, "-m64", freestanding: false), name);

    private static void Put(Bundle bundle, string program, string name) => File.Copy(program, Path.Combine(bundle.Rootfs, "bin", name));

    private static string Compile(string name, string source, string machine, bool freestanding = true)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "needs gcc");
        var (code, program) = (Path.Combine(s_directory.Value, name + ".c"), Path.Combine(s_directory.Value, name));
        File.WriteAllText(code, source);
        string[] arguments = [machine, "-O1", "-static", "-fno-stack-protector", "-fno-pie", "-no-pie", .. freestanding ? ["-nostdlib", "-ffreestanding"] : Array.Empty<string>(), "-w", "-o", program, code];
        using var gcc = Process.Start(new ProcessStartInfo("/usr/bin/gcc", arguments) { RedirectStandardError = true })!;
        var errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, errors);
        return program;
    }
}
