"""TLS of the client port: a real kappad met by plain stubs and the openssl program."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading

import grpc

from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.process import tls_cases
from tests.process.tls_cases import host_and_port, list_topics, secure_channel, WAIT_SECONDS_MAX
from tests.python import cases

KAPPAD = os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "server/kappad")
WRONG_USAGE = 2


def served_certificate(address, ca):
    """The certificate that a new connection is shown, checked against `ca`."""
    context = ssl.create_default_context(cafile=ca.cert)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(host_and_port(address), WAIT_SECONDS_MAX) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


class ServerTlsTest(tls_cases.TlsTestCase):
    def test_the_right_ca_appends_and_reads(self):
        with secure_channel(self.serve_tls().address, self.ca) as channel:
            topic_service_pb2_grpc.TopicServiceStub(channel).CreateTopic(
                topic_pb2.CreateTopicRequest(name="t"))
            log = log_service_pb2_grpc.LogServiceStub(channel)
            log.Append(log_pb2.AppendRequest(topic="t", batch=batches.batch(b"one", b"two")))
            read = log.Read(log_pb2.ReadRequest(topic="t"))
            self.assertEqual(batches.offsets_and_values(read.batches), [(0, b"one"), (1, b"two")])

    def test_who_is_refused(self):
        address = self.serve_tls().address
        plain = self.serve().address
        self.check_not_connected(grpc.insecure_channel(address), "Socket closed")
        self.check_not_connected(secure_channel(plain, self.ca), "wrong version number")
        self.check_not_connected(secure_channel(address, self.other), "certificate verify failed")
        self.check_not_connected(secure_channel(address, self.ca, server_name="example.org"),
                                 "Peer name example.org is not in peer certificate")
        list_topics(secure_channel(address, self.ca, server_name="localhost"))
        list_topics(grpc.insecure_channel(plain))

    def test_versions_before_1_2_are_refused(self):
        server = self.serve_tls()

        def offer(*version):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", server.address, "-alpn", "h2", *version],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                errors="replace", timeout=WAIT_SECONDS_MAX)
            return done.stdout + done.stderr
        for refused, version in enumerate(("-tls1", "-tls1_1")):
            self.assertIn("New, (NONE), Cipher is (NONE)",
                          offer(version, "-cipher", "DEFAULT@SECLEVEL=0"), version)
            # The client did offer it: the server says what it refused.
            self.assertEqual(server.log().count("unsupported protocol"), refused + 1)
        self.assertIn("New, TLSv1.2, Cipher", offer("-tls1_2"))
        self.assertIn("New, TLSv1.3, Cipher", offer("-tls1_3"))

    def test_other_machines_may_reach_it(self):
        server = self.serve_tls(listen="0.0.0.0:0")
        port = host_and_port(server.address)[1]
        list_topics(secure_channel(f"127.0.0.1:{port}", self.ca))
        # The metrics have no TLS.
        metrics = (server.data_dir / "metrics_address").read_text()
        self.assertTrue(metrics.startswith("127.0.0.1:"), metrics)

    def test_only_certificates_of_the_client_ca_are_served(self):
        address = self.serve_tls("--tls-client-ca", self.ca.cert).address
        self.check_not_connected(secure_channel(address, self.ca), "Socket closed")
        self.check_not_connected(secure_channel(address, self.ca, *self.other.issue("client")),
                                 "Socket closed")
        self.check_not_connected(grpc.insecure_channel(address), "Socket closed")
        list_topics(secure_channel(address, self.ca, *self.ca.issue("client")))


class Appender(threading.Thread):
    """Appends until told to stop: on one connection, and each time on a new one."""

    def __init__(self, address, ca):
        super().__init__()
        self.address, self.ca = address, ca
        self.count = 0
        self.error = None
        self.progress = threading.Condition()
        self.stopped = False

    def run(self):
        try:
            with secure_channel(self.address, self.ca) as kept:
                while not self.stopped:
                    self.append(kept)
                    with secure_channel(self.address, self.ca) as new:
                        self.append(new)
        except grpc.RpcError as error:
            self.error = error
        with self.progress:
            self.progress.notify_all()

    def append(self, channel):
        log_service_pb2_grpc.LogServiceStub(channel).Append(
            log_pb2.AppendRequest(topic="t", batch=batches.batch(b"x")), timeout=WAIT_SECONDS_MAX)
        with self.progress:
            self.count += 1
            self.progress.notify_all()

    def await_more(self, count):
        with self.progress:
            wanted = self.count + count
            self.progress.wait_for(lambda: self.error or self.count >= wanted, WAIT_SECONDS_MAX)
            return self.error is None and self.count >= wanted


class ReplacedFilesTest(tls_cases.TlsTestCase):
    def setUp(self):
        # The server's own copies, which are replaced.
        self.live = [self.folder / f"live.{kind}" for kind in ("pem", "key")]
        for source, target in zip((self.cert, self.key), self.live):
            shutil.copy(source, target)
        self.server = self.serve("--tls-cert", self.live[0], "--tls-key", self.live[1])
        self.address = self.server.address

    def put(self, source, target):
        """Replaces a file in one step, as tools that renew certificates do."""
        new = target.with_suffix(".new")
        shutil.copy(source, new)
        new.rename(target)

    def test_no_append_fails_while_the_certificate_is_replaced(self):
        with secure_channel(self.address, self.ca) as channel:
            topic_service_pb2_grpc.TopicServiceStub(channel).CreateTopic(
                topic_pb2.CreateTopicRequest(name="t"))
        appender = Appender(self.address, self.ca)
        appender.start()
        former = self.cert.read_text()
        for i in range(5):
            renewed = self.ca.issue(f"renewed-{i}")
            self.assertTrue(appender.await_more(6), appender.error)
            self.put(renewed[0], self.live[0])
            # Half of it: the former pair stays in use.
            self.assertEqual(served_certificate(self.address, self.ca).split(), former.split())
            self.assertTrue(appender.await_more(6), appender.error)
            self.put(renewed[1], self.live[1])
            former = renewed[0].read_text()
            self.assertEqual(served_certificate(self.address, self.ca).split(), former.split())
            self.assertTrue(appender.await_more(6), appender.error)
        appender.stopped = True
        appender.join(WAIT_SECONDS_MAX)
        self.assertIsNone(appender.error)
        with secure_channel(self.address, self.ca) as channel:
            offsets = log_service_pb2_grpc.LogServiceStub(channel).GetOffsets(
                log_pb2.GetOffsetsRequest(topic="t"))
        self.assertEqual(offsets.end_offset, appender.count)
        log = self.server.log()
        self.assertEqual(log.count("does not belong to the certificate"), 5, log)

    def test_bad_files_change_nothing(self):
        for wrong in ("", "no certificate\n", self.key.read_text(), self.cert.read_text()[:200]):
            self.live[0].write_text(wrong)
            list_topics(secure_channel(self.address, self.ca))
        self.live[0].unlink()
        list_topics(secure_channel(self.address, self.ca))
        self.put(self.cert, self.live[0])
        list_topics(secure_channel(self.address, self.ca))

    def test_a_new_client_ca_counts_for_new_connections(self):
        trusted = self.folder / "trusted.pem"
        shutil.copy(self.ca.cert, trusted)
        address = self.serve_tls("--tls-client-ca", trusted).address
        ours, theirs = self.ca.issue("c"), self.other.issue("c")
        list_topics(secure_channel(address, self.ca, *ours))
        self.put(self.other.cert, trusted)
        list_topics(secure_channel(address, self.ca, *theirs))
        self.check_not_connected(secure_channel(address, self.ca, *ours), "Socket closed")


class BadFilesTest(tls_cases.BadFilesTestCase):
    def check_refused(self, words, text):
        done = subprocess.run(
            [KAPPAD, "--data-dir", self.work / "data", "--listen", "127.0.0.1:0", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=WAIT_SECONDS_MAX)
        self.assertEqual(done.returncode, WRONG_USAGE, done.stderr)
        self.assertRegex(done.stderr, text)
        self.assertFalse((self.work / "data").exists())

    def test_certificates_and_keys(self):
        for cert, key, part, file, why in self.bad_pairs():
            with self.subTest(cert=cert, key=key):
                self.check_refused(["--tls-cert", cert, "--tls-key", key],
                                   f"^kappad: TLS {part} {re.escape(str(file))}: {why}")

    def test_client_cas(self):
        pair = ["--tls-cert", self.cert, "--tls-key", self.key]
        for file, why in self.bad_cas():
            with self.subTest(file=file):
                self.check_refused([*pair, "--tls-client-ca", file],
                                   f"^kappad: TLS CA {re.escape(str(file))}: {why}")

    def test_options_that_do_not_go_together(self):
        self.check_refused(["--tls-cert", self.cert], "is given without its key")
        self.check_refused(["--tls-key", self.key], "is given without its certificate")
        self.check_refused(["--tls-client-ca", self.ca.cert], "without tls_cert and tls_key")
        self.check_refused(["--tls-cert", ""], "--tls-cert: the value is empty")
        self.check_refused(["--tls-cert", self.cert, "--tls-key", self.key,
                            "--metrics-listen", "0.0.0.0:0"], "metrics")


if __name__ == "__main__":
    cases.main()
