"""A throw-away certificate authority, so that TLS on this machine is verified as it is in Azure, not switched off."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme

SERVER_NAMES = ("localhost", "*.localhost", "*.servicebus.localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the PEM files lie.

    `ca` is enough for SSL_CERT_FILE in a process that talks to stand-ins alone; `bundle` adds the public roots.
    `certificate` and `key` are the server's.
    """

    ca: Path
    bundle: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the context with which a stand-in listens."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this authority alone, for a client that takes one as an argument."""
        return ssl.create_default_context(cafile=str(self.ca))


def make(directory: Path) -> Certificates:
    """Write a new authority and a server certificate for SERVER_NAMES into `directory`; return the paths.

    The authority's own key is never written: what it signed is all that it will ever sign.
    The certificates are valid whatever a moved clock says (trustme's range: 2000 to 2038).
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Passdesk, on your desk")
    server = authority.issue_cert(*SERVER_NAMES)
    paths = Certificates(
        ca=directory / "ca.pem",
        bundle=directory / "ca-bundle.pem",
        certificate=directory / "server.pem",
        key=directory / "server.key",
    )
    root = authority.cert_pem.bytes()
    paths.ca.write_bytes(root)
    paths.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + root)
    paths.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(server.private_key_pem.bytes())
    return paths
