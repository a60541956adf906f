using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using CsCheck;
using Orchestrator.Oci.Archives;
using Xunit;
using TarEntry = System.Formats.Tar.TarEntry;
using TarReader = Orchestrator.Oci.Archives.TarReader;

namespace Orchestrator.Tests.Oci;

public sealed class TarReaderTests
{
    private static readonly Gen<(string Name, byte[] Content, int Mode, long Seconds)> s_file = Gen.Select(
        Gen.String[Gen.Char["abcé/.Z "], 1, 300].Select(n => "f" + n.Replace("//", "/x", StringComparison.Ordinal).TrimEnd('/', '.', ' ')),
        Gen.Byte.Array[0, 3000], Gen.Int[0, 0xFFF], Gen.Long[0, 1L << 33]);

    [Theory]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void What_another_writer_writes_is_read_back(TarEntryFormat format) =>
        s_file.Array[0, 5].Sample(files =>
        {
            var read = Read(Write(format, files));
            Assert.Equal(files.Select(f => (f.Name, Convert.ToHexString(f.Content), (uint)f.Mode, f.Seconds)), read.Select(r => (r.Entry.DisplayName, Convert.ToHexString(r.Data), r.Entry.Mode, r.Entry.ModifiedSeconds)));
        }, iter: 200);

    [Fact]
    public void A_damaged_archive_is_read_or_refused_but_nothing_else()
    {
        Gen.Select(s_file.Array[1, 3], Gen.Int[0, 1 << 20], Gen.Byte, Gen.Bool).Sample((files, at, value, cut) =>
        {
            var tar = Write(TarEntryFormat.Pax, files);
            at %= tar.Length;
            if (cut)
                tar = tar[..at];
            else
                tar[at] = value;
            try
            {
                Read(tar);
            }
            catch (InvalidDataException)
            {
            }
        }, iter: 500);
    }

    [Theory]
    [InlineData("--format=gnu")]
    [InlineData("--format=posix --sparse-version=0.0")]
    [InlineData("--format=posix --sparse-version=0.1")]
    [InlineData("--format=posix --sparse-version=1.0")]
    public void Sparse_files_by_gnu_tar_keep_their_holes(string format)
    {
        var directory = Directory.CreateTempSubdirectory("orc-sparse-");
        try
        {
            var path = Path.Combine(directory.FullName, "sparse");
            using (var file = File.Create(path))
            {
                for (var i = 0; i < 30; i++)
                {
                    file.Position = i * 100_000;
                    file.Write(Encoding.ASCII.GetBytes($"piece {i}"));
                }
                file.SetLength(5_000_000);
            }
            var tar = Run("tar", $"--sparse {format} -cf - -C {directory.FullName} sparse");
            var (entry, data) = Assert.Single(Read(tar));
            Assert.Equal("sparse", entry.DisplayName);
            Assert.Equal(5_000_000, entry.Size);
            var whole = new byte[entry.Size];
            var from = 0;
            foreach (var (offset, length) in entry.SparseMap!)
            {
                data.AsSpan(from, (int)length).CopyTo(whole.AsSpan((int)offset));
                from += (int)length;
            }
            Assert.Equal(File.ReadAllBytes(path), whole);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void Attribute_values_and_names_stay_bytes()
    {
        var record = (byte[] key, byte[] value) => Enumerable.Range(1, 99).Select(n => Encoding.ASCII.GetBytes($"{n} ")).Select(n => (byte[])[.. n, .. key, (byte)'=', .. value, (byte)'\n']).First(r => r.Length.ToString() == Encoding.ASCII.GetString(r.AsSpan(0, r.AsSpan().IndexOf((byte)' '))));
        byte[] pax = [.. record("path"u8.ToArray(), [(byte)'n', 0xff, 0xfe]), .. record("SCHILY.xattr.security.capability"u8.ToArray(), [1, 0, 0, 2, 0xff, (byte)'\n', 0x80])];
        byte[] tar = [.. Header('x', pax.Length), .. pax, .. new byte[512 - pax.Length], .. Header('0', 0), .. new byte[1024]];
        var (entry, _) = Assert.Single(Read(tar));
        Assert.Equal([(byte)'n', 0xff, 0xfe], entry.Name);
        var (name, value) = Assert.Single(entry.ExtendedAttributes);
        Assert.Equal("security.capability", name);
        Assert.Equal([1, 0, 0, 2, 0xff, (byte)'\n', 0x80], value);
    }

    private static byte[] Header(char type, int size)
    {
        var header = new byte[512];
        Encoding.ASCII.GetBytes("name").CopyTo(header, 0);
        Encoding.ASCII.GetBytes("0000644\0").CopyTo(header, 100);
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0')).CopyTo(header, 124);
        header.AsSpan(148, 8).Fill((byte)' ');
        header[156] = (byte)type;
        "ustar\000"u8.CopyTo(header.AsSpan(257));
        Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        return header;
    }

    private static byte[] Write(TarEntryFormat format, (string Name, byte[] Content, int Mode, long Seconds)[] files)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, format, leaveOpen: true))
        {
            foreach (var (name, content, mode, seconds) in files)
            {
                TarEntry entry = format == TarEntryFormat.Pax ? new PaxTarEntry(TarEntryType.RegularFile, name) : new GnuTarEntry(TarEntryType.RegularFile, name);
                entry.DataStream = new MemoryStream(content);
                entry.Mode = (UnixFileMode)mode;
                entry.ModificationTime = DateTimeOffset.FromUnixTimeSeconds(seconds);
                writer.WriteEntry(entry);
            }
        }
        return tar.ToArray();
    }

    private static List<(Orchestrator.Oci.Archives.TarEntry Entry, byte[] Data)> Read(byte[] tar)
    {
        var reader = new TarReader(new MemoryStream(tar));
        var entries = new List<(Orchestrator.Oci.Archives.TarEntry, byte[])>();
        while (reader.Next() is { } entry)
        {
            var data = new MemoryStream();
            for (var piece = reader.ReadData(); piece.Length > 0; piece = reader.ReadData())
                data.Write(piece);
            entries.Add((entry, data.ToArray()));
        }
        return entries;
    }

    private static byte[] Run(string program, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }
}
