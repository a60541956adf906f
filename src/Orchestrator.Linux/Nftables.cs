using System.Runtime.InteropServices;

namespace Orchestrator.Linux;

/// <summary>The kernel refused a transaction of nftables commands; none of it was applied.</summary>
public sealed class NftablesException(string message) : IOException(message);

/// <summary>
/// nftables through libnftables, in the network namespace of the thread that made this object; one thread at a time may use it.
/// Each <see cref="Run"/> is one transaction: all of it or nothing.
/// </summary>
public sealed unsafe class Nftables : IDisposable
{
    private const string Name = "libnftables.so.1";
    private const uint HandleFlag = 8;
    private const int LongestQuote = 4000;

    private nint _context;

    /// <exception cref="NftablesException">libnftables is not installed.</exception>
    public Nftables()
    {
        try
        {
            _context = nft_ctx_new(0);
        }
        catch (DllNotFoundException e)
        {
            throw new NftablesException($"{Name} is missing: install the package libnftables1 (Debian, Ubuntu) or nftables ({e.Message.Split('\n')[0]})");
        }
        if (nft_ctx_buffer_output(_context) != 0 || nft_ctx_buffer_error(_context) != 0)
            throw new NftablesException($"{Name} cannot buffer what it prints");
    }

    /// <summary>Runs commands as in a file for <c>nft -f</c> and returns what they print (list commands).</summary>
    /// <exception cref="NftablesException">With libnftables' own words, and the commands: of a buffer it points at the first line, whichever failed.</exception>
    /// <param name="withHandles">Lists say the number of each rule, by which it can be deleted.</param>
    public string Run(string commands, bool withHandles = false)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        nft_ctx_output_set_flags(_context, withHandles ? HandleFlag : 0);
        int result;
        fixed (byte* p = Libc.Z(commands))
            result = nft_run_cmd_from_buffer(_context, p);
        var output = Marshal.PtrToStringUTF8((nint)nft_ctx_get_output_buffer(_context)) ?? "";
        var error = Marshal.PtrToStringUTF8((nint)nft_ctx_get_error_buffer(_context)) ?? "";
        return result == 0
            ? output
            : throw new NftablesException($"nftables refused: {error.Split('\n')[0]}, in:\n{commands[..Math.Min(commands.Length, LongestQuote)]}");
    }

    public void Dispose()
    {
        if (_context != 0)
            nft_ctx_free(_context);
        _context = 0;
    }

    [DllImport(Name)] private static extern nint nft_ctx_new(uint flags);
    [DllImport(Name)] private static extern void nft_ctx_free(nint context);
    [DllImport(Name)] private static extern void nft_ctx_output_set_flags(nint context, uint flags);
    [DllImport(Name)] private static extern int nft_ctx_buffer_output(nint context);
    [DllImport(Name)] private static extern int nft_ctx_buffer_error(nint context);
    [DllImport(Name)] private static extern byte* nft_ctx_get_output_buffer(nint context);
    [DllImport(Name)] private static extern byte* nft_ctx_get_error_buffer(nint context);
    [DllImport(Name)] private static extern int nft_run_cmd_from_buffer(nint context, byte* commands);
}
