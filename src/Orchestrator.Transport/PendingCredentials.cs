using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Orchestrator.Transport;

/// <summary>A fresh key and the request (PKCS#10) to have it signed. The signer decides on role and id, so the request names none.</summary>
public sealed class PendingCredentials
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public PendingCredentials() =>
        Request = new CertificateRequest(new X500DistinguishedName("CN=joiner"), _key, HashAlgorithmName.SHA256).CreateSigningRequest();

    public byte[] Request { get; }

    public Credentials Complete(string certificatePem, string authorityPem) => Credentials.FromKey(authorityPem, certificatePem, _key);
}
