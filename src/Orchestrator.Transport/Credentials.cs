using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Transport;

/// <summary>A certificate with its key, the CA that signed it, and what the certificate says of its holder.</summary>
public sealed class Credentials
{
    private const string AuthorityFile = "ca.pem", IdentityFile = "identity.pem";

    private Credentials(X509Certificate2 authority, X509Certificate2 certificate)
    {
        (Authority, Certificate, Subject) = (authority, certificate, CertificateSubject.Of(certificate)
            ?? throw new InvalidDataException($"the certificate's subject '{certificate.Subject}' names no role (OU) and id (CN) of a cluster"));
    }

    public X509Certificate2 Authority { get; }
    public X509Certificate2 Certificate { get; }
    public CertificateSubject Subject { get; }
    public Role Role => Subject.Role;
    public string Id => Subject.Id;

    /// <exception cref="CryptographicException">Not PEM, or the key is not the certificate's.</exception>
    public static Credentials FromPem(string authorityPem, string certificatePem, string keyPem) =>
        new(X509Certificate2.CreateFromPem(authorityPem), X509Certificate2.CreateFromPem(certificatePem, keyPem));

    public static Credentials FromKey(string authorityPem, string certificatePem, ECDsa key) =>
        new(X509Certificate2.CreateFromPem(authorityPem), X509Certificate2.CreateFromPem(certificatePem).CopyWithPrivateKey(key));

    public static bool Exist(string directory) => File.Exists(Path.Combine(directory, IdentityFile));

    public static Credentials Load(string directory)
    {
        var identity = File.ReadAllText(Path.Combine(directory, IdentityFile));
        return FromPem(File.ReadAllText(Path.Combine(directory, AuthorityFile)), identity, identity);
    }

    /// <summary>Writes PEM files that only root can read. Certificate and key share one, so that a renewal replaces both in one step.</summary>
    public void Save(string directory)
    {
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        PrivateFile.Write(Path.Combine(directory, AuthorityFile), AuthorityPem + "\n");
        PrivateFile.Write(Path.Combine(directory, IdentityFile), $"{CertificatePem}\n{KeyPem}\n");
    }

    public string AuthorityPem => Authority.ExportCertificatePem();
    public string CertificatePem => Certificate.ExportCertificatePem();
    public string KeyPem => Certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    /// <summary>The subject of a peer whose certificate this cluster signed and that is valid now; otherwise null.</summary>
    public CertificateSubject? Verify(X509Certificate2? peer) => PeerVerification.Verify(peer, Authority);
}
