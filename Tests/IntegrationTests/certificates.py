"""A certificate authority of the test's own, and a certificate of it for a server on this machine, made by openssl."""
import pathlib
import subprocess


class Certificates:
    """Files in `folder`: `authority`, which a client is to trust, and the server's `certificate` and `key`. Valid for 30 days."""

    def __init__(self, folder, names="DNS:localhost,IP:127.0.0.1"):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.authority, self.certificate, self.key = (folder / name for name in ("authority.pem", "server.pem", "server.key"))
        authority_key, request, extensions = folder / "authority.key", folder / "server.csr", folder / "extensions"
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *new_key, "-days", 30, "-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", authority_key, "-out", self.authority)
        openssl("req", *new_key, "-subj", "/CN=localhost", "-keyout", self.key, "-out", request)
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", request, "-days", 30, "-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial",
                "-extfile", extensions, "-out", self.certificate)


def openssl(*arguments):
    result = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed:\n{result.stderr}")
