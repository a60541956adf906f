using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Transport;

namespace Orchestrator.Control.Certificates;

/// <summary>The cluster's own CA. Its key lies in the replicated state, so any server can sign.</summary>
public sealed class CertificateAuthority
{
    public static readonly TimeSpan Life = TimeSpan.FromDays(90);

    // A joiner's clock may be behind the signer's.
    private static readonly TimeSpan s_backdate = TimeSpan.FromHours(1);
    private static readonly OidCollection s_usages = [new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")];

    private readonly X509Certificate2 _certificate;
    private readonly string _clusterId;

    private CertificateAuthority(X509Certificate2 certificate, string clusterId) => (_certificate, _clusterId) = (certificate, clusterId);

    public X509Certificate2 Certificate => _certificate;
    public string CertificatePem => _certificate.ExportCertificatePem();
    public string KeyPem => _certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    public static CertificateAuthority Create(string clusterId, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName(clusterId);
        name.AddCommonName("orchestrator CA");
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return new CertificateAuthority(request.CreateSelfSigned(now - s_backdate, now.AddYears(20)), clusterId);
    }

    public static CertificateAuthority FromPem(string clusterId, string certificatePem, string keyPem) =>
        new(X509Certificate2.CreateFromPem(certificatePem, keyPem), clusterId);

    /// <summary>
    /// Signs the key in a PKCS#10 request for the given holder; whatever the request says of its subject is ignored.
    /// Null: the request is malformed or not signed by its own key.
    /// </summary>
    public string? Sign(byte[] certificateRequest, Role role, string id, DateTimeOffset now)
    {
        try
        {
            var asked = CertificateRequest.LoadSigningRequest(certificateRequest, HashAlgorithmName.SHA256);
            return Sign(asked.PublicKey, role, id, now, Life).ExportCertificatePem();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Credentials made here, for the first server and the administrator.</summary>
    public Credentials Issue(Role role, string id, DateTimeOffset now, TimeSpan? life = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var certificate = Sign(new PublicKey(key), role, id, now, life ?? Life);
        return Credentials.FromPem(CertificatePem, certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private X509Certificate2 Sign(PublicKey key, Role role, string id, DateTimeOffset now, TimeSpan life)
    {
        var request = new CertificateRequest(new CertificateSubject(role, id, _clusterId).ToName(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(s_usages, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        // A signer whose clock is behind the founder's still signs within the CA's life.
        var from = now - s_backdate > _certificate.NotBefore ? now - s_backdate : _certificate.NotBefore;
        return request.Create(_certificate, from, now + life, RandomNumberGenerator.GetBytes(16));
    }
}
