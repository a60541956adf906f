using System.Globalization;

namespace Orchestrator.Linux.Cgroups;

/// <summary>What the files of a group say. A file that is not there says nothing: which ones there are depends on the kernel.</summary>
public sealed class CgroupValues(Cgroup group, string controller)
{
    private readonly string? _directory = group.DirectoryOf(controller);

    /// <summary>A file with one number; <c>max</c> is the highest there is. 0 without the file.</summary>
    public ulong Number(string file) => Lines(file) is [var line, ..] ? Parse(line) : 0;

    /// <summary>A file with a line "key number" for each; empty without the file.</summary>
    public IReadOnlyDictionary<string, ulong> Table(string file) => Lines(file).Select(l => l.Split(' '))
        .Where(f => f.Length == 2).ToDictionary(f => f[0], f => Parse(f[1]));

    public string[] Lines(string file)
    {
        if (_directory is null)
            return [];
        try
        {
            return File.ReadAllLines($"{_directory}/{file}");
        }
        // Some files exist and cannot be read, such as statistics of a scheduler that is not in use.
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>The files whose names match, as in <c>hugetlb.*.max</c>.</summary>
    public IEnumerable<string> Files(string pattern) =>
        _directory is null || !Directory.Exists(_directory) ? [] : Directory.EnumerateFiles(_directory, pattern).Select(f => Path.GetFileName(f)!);

    private static ulong Parse(string text) =>
        text == "max" ? ulong.MaxValue : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
