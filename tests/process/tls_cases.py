"""What tests of TLS share: certificates, servers, and everything that can be wrong."""

import os
import pathlib
import re
import shutil
import tempfile
import unittest

import grpc

from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import kappad
from tests.process import test_ca

WAIT_SECONDS_MAX = 60


def host_and_port(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


def secure_channel(address, ca, cert=None, key=None, server_name=None):
    """A channel with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(
        ca.cert.read_bytes(), key and key.read_bytes(), cert and cert.read_bytes()), options)


def list_topics(channel):
    with channel:
        topic_service_pb2_grpc.TopicServiceStub(channel).ListTopics(
            topic_pb2.ListTopicsRequest(), timeout=WAIT_SECONDS_MAX)


class TlsTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.ca = test_ca.TestCa(cls.folder, "ours")
        cls.other = test_ca.TestCa(cls.folder, "theirs")
        cls.cert, cls.key = cls.ca.issue("server")

    def serve(self, *arguments, **options):
        server = kappad.Kappad(*map(str, arguments), **options)
        self.addCleanup(server.remove)
        return server.start()

    def serve_tls(self, *more, **options):
        return self.serve("--tls-cert", self.cert, "--tls-key", self.key, *more, **options)

    def check_not_connected(self, channel, text):
        with self.assertRaises(grpc.RpcError) as refused:
            list_topics(channel)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertIn(text, refused.exception.details())


class BadFilesTestCase(TlsTestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    def file(self, name, text):
        path = self.work / name
        path.write_text(text)
        return path

    def bad_pairs(self):
        """(certificate, key, the part that is wrong, its file, why)."""
        cert, key = self.cert.read_text(), self.key.read_text()
        no_file, empty = self.work / "none", self.file("empty", "")
        damaged = self.file("damaged", re.sub("MI", "!!", cert, count=1))
        chain = self.file("chain", cert + damaged.read_text())
        other_key = self.ca.issue("other")[1]
        rsa_key = self.ca.issue("rsa", key=("-newkey", "rsa:2048", "-nodes"))[1]
        weak = self.ca.issue("weak", key=("-newkey", "rsa:1024", "-nodes"))
        locked = self.work / "locked"
        test_ca.openssl("pkcs8", "-topk8", "-in", self.key, "-out", locked, "-passout", "pass:x")
        mismatch = "does not belong to the certificate " + re.escape(str(self.cert))
        return [
            (no_file, self.key, "certificate", no_file, "cannot be read: No such file"),
            (self.work, self.key, "certificate", self.work, "cannot be read: is not a file"),
            (empty, self.key, "certificate", empty, "holds no certificate"),
            (damaged, self.key, "certificate", damaged, "is damaged: "),
            (chain, self.key, "certificate", chain, ".* behind the first is damaged"),
            (self.file("k", key), self.key, "certificate", self.work / "k", "holds no certificate"),
            (weak[0], weak[1], "certificate", weak[0], "cannot be used: ee key too small"),
            (self.cert, no_file, "key", no_file, "cannot be read: No such file"),
            (self.cert, empty, "key", empty, "holds no private key"),
            (self.cert, self.file("c", cert), "key", self.work / "c", "holds no private key"),
            (self.cert, other_key, "key", other_key, mismatch),
            (self.cert, rsa_key, "key", rsa_key, mismatch),
            (self.cert, locked, "key", locked, "is protected by a passphrase"),
        ]

    def bad_cas(self):
        """(CA, why)."""
        ca = self.ca.cert.read_text()
        return [
            (self.work / "none", "cannot be read: No such file"),
            (self.file("empty", ""), "holds no certificate"),
            (self.file("damaged", ca + re.sub("MI", "!!", ca, count=1)),
             "certificate 2 is damaged"),
        ]
