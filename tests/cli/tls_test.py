"""The program kappa and TLS: whom it reaches, and what it says of the others."""

import os
import re
import subprocess

from tests.process import tls_cases
from tests.process.tls_cases import WAIT_SECONDS_MAX
from tests.python import cases

KAPPA = os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "client/cli/kappa")
DONE, WRONG_USAGE, NO_SERVER = 0, 2, 3
HANDSHAKE = "the TLS handshake with "


def begin(address, *words, stdin=subprocess.DEVNULL):
    """`kappa`, started: several of them wait for their server together."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("KAPPA_")}
    return subprocess.Popen([KAPPA, "--server", address, *map(str, words)], stdin=stdin, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def run(address, *words, text=None):
    with begin(address, *words, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(text, timeout=WAIT_SECONDS_MAX)
        return process.returncode, out, err


class CliTlsTest(tls_cases.TlsTestCase):
    def check_no_connection(self, *attempts):
        """Each (address, options, texts) ends with 3 and says the texts."""
        started = [begin(address, *options, "topic", "list") for address, options, _ in attempts]
        for process, (address, options, texts) in zip(started, attempts):
            with process, self.subTest(options=options):
                out, err = process.communicate(timeout=WAIT_SECONDS_MAX)
                self.assertEqual((process.returncode, out), (NO_SERVER, ""), err)
                for text in texts:
                    self.assertRegex(err, text)
                self.assertRegex(err, f"^kappa: .*{address}")
                self.assertNotIn("Is kappad running", err)

    def check_served(self, address, *options):
        code, out, err = run(address, *options, "topic", "list", "-o", "json")
        self.assertEqual(code, DONE, out + err)

    def test_appends_and_replays(self):
        address = self.serve_tls().address
        trust = ("--tls-ca", self.ca.cert)
        self.assertEqual(run(address, *trust, "topic", "create", "t")[0], DONE)
        self.assertEqual(run(address, *trust, "append", "t", text="one\ntwo\n")[0], DONE)
        code, out, err = run(address, *trust, "replay", "t", "--to", "end", "-o", "raw")
        self.assertEqual((code, out.split()), (DONE, ["one", "two"]), err)

    def test_says_why_there_is_no_connection(self):
        address = self.serve_tls().address
        mutual = self.serve_tls("--tls-client-ca", self.ca.cert).address
        plain = self.serve().address
        trust = ("--tls-ca", self.ca.cert)
        theirs, ours = ((*trust, "--tls-cert", cert, "--tls-key", key)
                        for cert, key in (self.other.issue("c"), self.ca.issue("c")))
        ended = "takes connections but ends them"
        self.check_no_connection(
            (address, (), [ended, "--tls-ca FILE"]),
            (plain, trust, [HANDSHAKE, "wrong version number", "without TLS"]),
            (address, ("--tls-ca", self.other.cert), [HANDSHAKE, "certificate verify failed"]),
            (address, (*trust, "--tls-server-name", "example.org"),
             [HANDSHAKE, "example.org is not in peer certificate"]),
            (mutual, trust, [ended, "--tls-cert FILE"]),
            (mutual, theirs, [ended, "--tls-cert FILE"]),
            (mutual, (), [ended]),
        )
        self.check_served(address, *trust, "--tls-server-name", "localhost")
        self.check_served(mutual, *ours)
        self.check_served(plain)

    def test_where_nothing_listens_it_says_so(self):
        code, _, err = run("127.0.0.1:1", "--tls-ca", self.ca.cert, "topic", "list")
        self.assertEqual(code, NO_SERVER)
        self.assertRegex(err, "^kappa: no server answers at 127.0.0.1:1\nIs kappad running")


class BadFilesTest(tls_cases.BadFilesTestCase):
    def check_refused(self, words, text):
        code, out, err = run("127.0.0.1:1", *words, "topic", "list")
        self.assertEqual((code, out), (WRONG_USAGE, ""), err)
        self.assertRegex(err, text)

    def test_certificates_and_keys(self):
        for cert, key, part, file, why in self.bad_pairs():
            with self.subTest(cert=cert, key=key):
                self.check_refused(["--tls-ca", self.ca.cert, "--tls-cert", cert, "--tls-key", key],
                                   f"^kappa: TLS {part} {re.escape(str(file))}: {why}")

    def test_cas(self):
        for file, why in self.bad_cas():
            with self.subTest(file=file):
                self.check_refused(["--tls-ca", file],
                                   f"^kappa: TLS CA {re.escape(str(file))}: {why}")

    def test_options_that_do_not_go_together(self):
        trust = ["--tls-ca", self.ca.cert]
        self.check_refused([*trust, "--tls-cert", self.cert], "is given without its key")
        self.check_refused([*trust, "--tls-key", self.key], "is given without its certificate")
        self.check_refused(["--tls-cert", self.cert], "--tls-cert needs --tls-ca")
        self.check_refused(["--tls-server-name", "a"], "--tls-server-name needs --tls-ca")
        self.check_refused(["--tls-ca", ""], "--tls-ca: the value is empty")


if __name__ == "__main__":
    cases.main()
