"""Key files for TLS between the parts of one server: an authority whose own key is thrown away, and one certificate signed by it."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from econsent_stack.files import write_whole

VALID: Final = timedelta(days=3650)  # longer than any state folder lives


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """PEM files; ``private_key`` has mode 600."""

    authority: Path
    certificate: Path
    private_key: Path


def make_key_files(folder: Path) -> KeyFiles:
    """Make the three files in ``folder``, or return those that are there. The certificate is written last and says that all are whole."""
    files = KeyFiles(authority=folder / "authority.pem", certificate=folder / "certificate.pem", private_key=folder / "private_key.pem")
    if files.certificate.exists():
        return files
    folder.mkdir(mode=0o700, exist_ok=True)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("eConsent embedded servers")
    authority = _certificate(subject=issuer, issuer=issuer, key=authority_key, signer=authority_key, is_authority=True)
    certificate = _certificate(subject=_name("eConsent"), issuer=issuer, key=key, signer=authority_key, is_authority=False)
    write_whole(files.authority, authority.public_bytes(Encoding.PEM).decode(), mode=0o600)
    write_whole(files.private_key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), mode=0o600)
    write_whole(files.certificate, certificate.public_bytes(Encoding.PEM).decode(), mode=0o600)
    return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


if __name__ == "__main__":  # the service object-store-keys of docker-compose.yaml
    make_key_files(Path(sys.argv[1]))
