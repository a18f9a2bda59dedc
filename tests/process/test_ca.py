"""Certificates for tests, made by the openssl program."""

import pathlib
import subprocess

HERE = ("DNS:localhost", "IP:127.0.0.1")
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*words, **options):
    """Runs the program; its output is in what fails."""
    done = subprocess.run(["openssl", *map(str, words)], text=True, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"openssl {words}: {done.stderr}")
    return done.stdout


class TestCa:
    """A certificate authority with its files in `folder`."""

    __test__ = False

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.cert = self.folder / f"{name}.pem"
        self.key = self.folder / f"{name}.key"
        openssl("req", "-x509", *_NEW_KEY, "-keyout", self.key, "-out", self.cert,
                "-days", "2", "-subj", f"/CN={name}")

    def issue(self, name, hosts=HERE, key=_NEW_KEY):
        """A certificate and its key for `hosts`, as two paths."""
        cert = self.folder / f"{self.name}-{name}.pem"
        secret = self.folder / f"{self.name}-{name}.key"
        openssl("req", "-x509", "-CA", self.cert, "-CAkey", self.key, *key,
                "-keyout", secret, "-out", cert, "-days", "2", "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "subjectAltName=" + ",".join(hosts))
        return cert, secret
