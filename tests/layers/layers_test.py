"""Plants breaches of the layer rules and expects each one to be found."""

import tempfile
import unittest
from pathlib import Path

from tests.layers import layers
from tests.python import cases


class LayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.files = []
        for name in layers.TOP_LEVEL:
            self.write(name if name.isupper() or "." in name else f"{name}/BUILD", "")

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.files.append(path)

    def found(self):
        return layers.breaches(self.root, self.files)

    def assert_breach(self, path, header):
        self.setUp()
        self.write(path, f"// Comment.\n\n#include {header}\n")
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{path}:3: "), found)

    def assert_allowed(self, path, header):
        self.setUp()
        self.write(path, f"#include {header}\n")
        self.assertEqual(self.found(), [])

    def test_an_empty_tree_is_clean(self):
        self.assertEqual(self.found(), [])

    def test_arrows_that_exist(self):
        for path, header in [
            ("proto/wire/batch.cc", '"kappa/v1/record.pb.h"'),
            ("proto/wire/batch.cc", "<zstd.h>"),
            ("proto/wire/mutex.h", "<mutex>"),
            ("raft/core.h", '"proto/wire/types.h"'),
            ("raft/core.h", '"proto/wire/check.h"'),
            ("raft/core.h", '"raft/log.h"'),
            ("raft/core.h", "<vector>"),
            ("raft/core.h", '"absl/status/statusor.h"'),
            ("raft/core.h", '"absl/container/btree_map.h"'),
            ("storage/store.cc", '"raft/core.h"'),
            ("storage/store.cc", '"kappa/storage/v1/row.pb.h"'),
            ("storage/store.cc", '"rocksdb/db.h"'),
            ("server/main.cc", '"storage/store.h"'),
            ("server/main.cc", '"kappa/v1/log_service.grpc.pb.h"'),
            ("server/main.cc", "<grpcpp/server_builder.h>"),
            ("client/cpp/client.cc", '"proto/wire/batch.h"'),
            ("client/cpp/client.cc", "<grpcpp/channel.h>"),
            ("proto/rpc/threads.cc", "<grpcpp/channel.h>"),
            ("tests/server/main_test.cc", '"storage/store.h"'),
        ]:
            with self.subTest(path=path, header=header):
                self.assert_allowed(path, header)

    def test_arrows_that_do_not(self):
        for path, header in [
            ("proto/wire/batch.cc", '"raft/core.h"'),
            ("proto/wire/batch.cc", '"kappa/storage/v1/row.pb.h"'),
            ("proto/wire/batch.cc", "<grpcpp/channel.h>"),
            ("proto/wire/batch.cc", "<rocksdb/db.h>"),
            ("raft/core.cc", '"storage/store.h"'),
            ("raft/core.cc", '"proto/wire/batch.h"'),
            ("raft/core.cc", '"kappa/raft/v1/message.pb.h"'),
            ("storage/store.cc", '"server/shard.h"'),
            ("storage/store.cc", "<grpcpp/channel.h>"),
            ("server/shard.cc", '"client/cpp/client.h"'),
            ("server/shard.cc", '"rocksdb/status.h"'),
            ("server/shard.cc", '"tests/server/fake.h"'),
            ("client/cpp/client.cc", '"raft/core.h"'),
            ("client/cpp/client.cc", '"storage/store.h"'),
            ("client/cpp/client.cc", '"server/shard.h"'),
            ("client/cpp/client.cc", '"kappa/raft/v1/message.pb.h"'),
            ("client/cpp/client.cc", "<rocksdb/db.h>"),
            ("client/cpp/client.cc", "<grpcpp/server_builder.h>"),
            ("proto/rpc/threads.cc", "<grpcpp/server_builder.h>"),
            ("client/cpp/client.cc", '"client.h"'),
            ("client/cpp/client.cc", '"../cpp/client.h"'),
        ]:
            with self.subTest(path=path, header=header):
                self.assert_breach(path, header)

    def test_raft_is_pure(self):
        for header in [
            "<thread>", "<mutex>", "<condition_variable>", "<atomic>", "<chrono>",
            "<ctime>", "<random>", "<fstream>", "<iostream>", "<filesystem>",
            "<unordered_map>", "<unordered_set>", "<sys/socket.h>", "<unistd.h>",
            '"absl/container/flat_hash_map.h"', '"absl/synchronization/mutex.h"',
            '"absl/time/clock.h"', '"absl/random/random.h"', "<spdlog/spdlog.h>",
            '"proto/wire/clock.h"',
        ]:
            with self.subTest(header=header):
                self.assert_breach("raft/core.h", header)

    def test_raft_depends_on_little(self):
        for label in [
            "//storage:log_store", "//proto/wire:clock", "@debian//:grpc",
            "@debian//:rocksdb", "//raft/../server:shard",
        ]:
            with self.subTest(label=label):
                self.setUp()
                (self.root / "raft/BUILD").write_text(
                    f'cc_library(\n    deps = ["{label}"],\n)\n', encoding="utf-8"
                )
                found = self.found()
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(f"raft/BUILD:2: {label}"), found)
        self.setUp()
        (self.root / "raft/BUILD").write_text(
            'U = ["//server:__subpackages__"]\ncc_library(\n    deps = [\n'
            '        ":entry",\n        "//proto/wire:types",\n'
            '        "@debian//:absl_status",\n    ],\n)\n',
            encoding="utf-8",
        )
        self.assertEqual(self.found(), [])

    def test_spaces_do_not_hide_an_include(self):
        self.write("raft/core.h", "  #  include   <thread>\n")
        self.assertEqual(len(self.found()), 1)

    def test_the_top_level_is_fixed(self):
        self.write("docs/page.md", "")
        self.write(".github/page.md", "")
        self.assertEqual(
            self.found(), ["docs: the top level is fixed; put it into a folder"]
        )

    def test_a_missing_folder_is_found(self):
        self.files.remove("storage/BUILD")
        self.assertEqual(self.found(), ["storage: missing from the top level"])

    def test_a_giant_file_is_found(self):
        self.write("server/fits.cc", "\n" * 600)
        self.write("tests/giant_test.cc", "\n" * 601)
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("tests/giant_test.cc: 601 lines"))


if __name__ == "__main__":
    cases.main()
