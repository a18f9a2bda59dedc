"""TopicService: what a topic is, and how it changes."""

import time

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases


class TopicsTest(kappad.KappadTestCase):
    def create(self, name, **settings):
        return self.topics.CreateTopic(
            pb2.CreateTopicRequest(name=name, **settings))

    def get(self, name):
        return self.topics.GetTopic(pb2.GetTopicRequest(name=name)).topic

    def append(self, topic, **fields):
        return self.log.Append(
            log_pb2.AppendRequest(topic=topic, batch=batches.batch(b"v"),
                                  **fields))

    def refused(self, code, call, request):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request)
        self.assertEqual(caught.exception.code(), code, caught.exception)

    def test_defaults(self):
        before = time.time_ns() // 1000
        answer = self.create("defaults")
        after = time.time_ns() // 1000
        topic = answer.topic
        self.assertTrue(answer.created)
        self.assertEqual(topic.name, "defaults")
        self.assertEqual(len(topic.uuid), 16)
        self.assertEqual((topic.partitions, topic.replicas), (1, 1))
        self.assertEqual(topic.description, "")
        self.assertTrue(topic.deletion_protection)
        self.assertEqual(topic.limits.batch_bytes_max, 3 * 1024 * 1024)
        self.assertEqual(topic.limits.batch_records_max, 65536)
        self.assertEqual(
            list(topic.accepted_compressions),
            [record_pb2.COMPRESSION_ZSTD, record_pb2.COMPRESSION_LZ4])
        self.assertLessEqual(before, topic.create_time_us)
        self.assertLessEqual(topic.create_time_us, after)
        self.assertEqual(self.get("defaults"), topic)

    def test_creating_again_finds_the_same_topic(self):
        first = self.create("again", partitions=3, description="d")
        second = self.create("again", partitions=3, description="d")
        self.assertTrue(first.created)
        self.assertFalse(second.created)
        self.assertEqual(second.topic, first.topic)

    def test_settings_are_kept(self):
        labels = [pb2.Label(name="b", value="größe"), pb2.Label(name="a/b.c-d_")]
        topic = self.create(
            "settings", partitions=10_000, replicas=1, description="été",
            labels=labels, deletion_protection=False,
            limits=pb2.TopicLimits(batch_bytes_max=16 * 1024 * 1024,
                                   batch_records_max=1_048_576),
            accepted_compressions=pb2.CompressionList(
                compressions=[record_pb2.COMPRESSION_LZ4])).topic
        self.assertEqual(topic.partitions, 10_000)
        self.assertEqual(topic.description, "été")
        self.assertEqual([label.name for label in topic.labels],
                         ["a/b.c-d_", "b"])
        self.assertEqual(topic.labels[1].value, "größe")
        self.assertFalse(topic.deletion_protection)
        self.assertEqual(topic.limits.batch_bytes_max, 16 * 1024 * 1024)
        self.assertEqual(topic.limits.batch_records_max, 1_048_576)
        self.assertEqual(list(topic.accepted_compressions),
                         [record_pb2.COMPRESSION_LZ4])
        self.assertEqual(self.get("settings"), topic)

    def test_settings_beyond_a_limit_are_refused(self):
        label = pb2.Label(name="n")
        for settings in (
                {"partitions": 10_001},
                {"description": "d" * 1025},
                {"labels": [pb2.Label(name=f"n{i}") for i in range(65)]},
                {"labels": [label, label]},
                {"labels": [pb2.Label(name="")]},
                {"labels": [pb2.Label(name="n" * 64)]},
                {"labels": [pb2.Label(name="a b")]},
                {"labels": [pb2.Label(name="n", value="v" * 256)]},
                {"limits": pb2.TopicLimits(batch_bytes_max=16_777_217)},
                {"limits": pb2.TopicLimits(batch_records_max=1_048_577)},
                {"accepted_compressions":
                     pb2.CompressionList(compressions=[0])},
                {"accepted_compressions":
                     pb2.CompressionList(compressions=[7])},
                {"accepted_compressions":
                     pb2.CompressionList(compressions=[1, 1])}):
            with self.subTest(**settings):
                self.refused(
                    grpc.StatusCode.INVALID_ARGUMENT, self.topics.CreateTopic,
                    pb2.CreateTopicRequest(name="refused", **settings))
        self.refused(grpc.StatusCode.NOT_FOUND, self.topics.GetTopic,
                     pb2.GetTopicRequest(name="refused"))

    def test_lists_in_pages_by_name(self):
        names = [f"page-{i:02}" for i in range(25)]
        for name in reversed(names):
            self.create(name)
        seen, token, sizes = [], "", []
        while True:
            answer = self.topics.ListTopics(pb2.ListTopicsRequest(
                page_size=10, page_token=token, name_prefix="page-"))
            seen += [topic.name for topic in answer.topics]
            sizes.append(len(answer.topics))
            token = answer.next_page_token
            if not token:
                break
        self.assertEqual(seen, names)
        self.assertEqual(sizes, [10, 10, 5])
        self.assertEqual(answer.topics[0], self.get("page-20"))
        first = self.topics.ListTopics(pb2.ListTopicsRequest(
            page_size=10, name_prefix="page-"))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.topics.ListTopics,
                     pb2.ListTopicsRequest(page_token=first.next_page_token,
                                           name_prefix="pag"))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.topics.ListTopics,
                     pb2.ListTopicsRequest(page_size=1001))
        everything = self.topics.ListTopics(
            pb2.ListTopicsRequest(page_size=1000))
        self.assertLessEqual(set(names),
                             {topic.name for topic in everything.topics})

    def test_update_changes_only_what_is_present(self):
        before = self.create("update", description="old",
                             labels=[pb2.Label(name="a", value="1")]).topic
        after = self.topics.UpdateTopic(pb2.UpdateTopicRequest(
            name="update", description="new",
            limits=pb2.TopicLimits(batch_records_max=5))).topic
        self.assertEqual(after.description, "new")
        self.assertEqual(after.limits.batch_records_max, 5)
        self.assertEqual(after.limits.batch_bytes_max,
                         before.limits.batch_bytes_max)
        self.assertEqual(after.labels, before.labels)
        self.assertTrue(after.deletion_protection)
        self.assertEqual(after.uuid, before.uuid)
        emptied = self.topics.UpdateTopic(pb2.UpdateTopicRequest(
            name="update", topic_uuid=before.uuid, labels=pb2.LabelList(),
            description="",
            accepted_compressions=pb2.CompressionList())).topic
        self.assertEqual(list(emptied.labels), [])
        self.assertEqual(emptied.description, "")
        self.assertEqual(list(emptied.accepted_compressions), [])
        self.assertEqual(self.get("update"), emptied)
        self.refused(grpc.StatusCode.FAILED_PRECONDITION,
                     self.topics.UpdateTopic,
                     pb2.UpdateTopicRequest(name="update",
                                            topic_uuid=b"\x01" * 16))

    def test_a_topic_made_again_is_another_one(self):
        old = self.create("phoenix", deletion_protection=False).topic
        self.assertEqual(self.append("phoenix").base_offset, 0)
        self.assertEqual(self.append("phoenix").base_offset, 1)
        deleted = self.topics.DeleteTopic(
            pb2.DeleteTopicRequest(name="phoenix", topic_uuid=old.uuid))
        self.assertEqual(deleted.topic_uuid, old.uuid)
        self.refused(grpc.StatusCode.NOT_FOUND, self.topics.GetTopic,
                     pb2.GetTopicRequest(name="phoenix"))
        self.refused(grpc.StatusCode.NOT_FOUND, self.log.Read,
                     log_pb2.ReadRequest(topic="phoenix"))
        new = self.create("phoenix").topic
        self.assertNotEqual(new.uuid, old.uuid)
        self.refused(grpc.StatusCode.FAILED_PRECONDITION, self.log.Read,
                     log_pb2.ReadRequest(topic="phoenix",
                                         topic_uuid=old.uuid))
        answer = self.append("phoenix")
        self.assertEqual(answer.base_offset, 0)
        self.assertEqual(answer.topic_uuid, new.uuid)

    def test_protection_must_be_lifted_before_deletion(self):
        self.create("protected")
        self.append("protected")
        request = pb2.DeleteTopicRequest(name="protected")
        self.refused(grpc.StatusCode.FAILED_PRECONDITION,
                     self.topics.DeleteTopic, request)
        self.assertEqual(self.append("protected").base_offset, 1)
        self.topics.UpdateTopic(pb2.UpdateTopicRequest(
            name="protected", deletion_protection=False))
        self.topics.DeleteTopic(request)
        self.refused(grpc.StatusCode.NOT_FOUND, self.topics.DeleteTopic,
                     request)

    def test_partitions_are_added(self):
        self.create("grow", partitions=2)
        # Without records nothing moves.
        topic = self.topics.AddPartitions(
            pb2.AddPartitionsRequest(name="grow", partitions=3)).topic
        self.assertEqual(topic.partitions, 3)
        self.append("grow", partition=2)
        self.refused(grpc.StatusCode.FAILED_PRECONDITION,
                     self.topics.AddPartitions,
                     pb2.AddPartitionsRequest(name="grow", partitions=4))
        for _ in range(2):  # the second time it is so already
            topic = self.topics.AddPartitions(pb2.AddPartitionsRequest(
                name="grow", partitions=4, accept_key_movement=True)).topic
            self.assertEqual(topic.partitions, 4)
        self.assertEqual(self.append("grow", partition=3).base_offset, 0)
        self.assertEqual(self.append("grow", partition=2).base_offset, 1)
        for partitions in (3, 10_001):
            self.refused(grpc.StatusCode.INVALID_ARGUMENT,
                         self.topics.AddPartitions,
                         pb2.AddPartitionsRequest(
                             name="grow", partitions=partitions,
                             accept_key_movement=True))

    def test_limits_of_the_topic_hold_for_appends(self):
        self.create("small",
                    limits=pb2.TopicLimits(batch_bytes_max=20,
                                           batch_records_max=2),
                    accepted_compressions=pb2.CompressionList())

        def append(batch):
            return self.log.Append(
                log_pb2.AppendRequest(topic="small", batch=batch))

        append(batches.batch(b"a", b"b"))
        append(batches.batch(b"v" * 16))
        for batch in (batches.batch(b"a", b"b", b"c"),
                      batches.batch(b"v" * 17),
                      batches.zstd_batch(b"a")):
            self.refused(grpc.StatusCode.INVALID_ARGUMENT, append, batch)


if __name__ == "__main__":
    cases.main()
