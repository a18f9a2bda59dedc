"""The standard services: health and server reflection."""

import grpc
from google.protobuf import descriptor_pb2
from tests.conformance import kappad
from tests.python import cases

import health_pb2
import health_pb2_grpc
import reflection_pb2
import reflection_pb2_grpc

SERVICES = ("kappa.v1.LogService", "kappa.v1.MaintenanceService",
            "kappa.v1.TopicService")


class HealthTest(kappad.KappadTestCase):
    def check(self, service):
        stub = health_pb2_grpc.HealthStub(self.channel)
        return stub.Check(
            health_pb2.HealthCheckRequest(service=service)).status

    def test_the_server_and_each_service_serve(self):
        for service in ("",) + SERVICES:
            with self.subTest(service=service):
                self.assertEqual(self.check(service),
                                 health_pb2.HealthCheckResponse.SERVING)

    def test_an_unknown_service_is_not_found(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.check("kappa.v1.NoSuchService")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_watch_tells_the_present_state(self):
        stub = health_pb2_grpc.HealthStub(self.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=30)
        self.assertEqual(next(watch).status,
                         health_pb2.HealthCheckResponse.SERVING)
        watch.cancel()


class ReflectionTest(kappad.KappadTestCase):
    def ask(self, **request):
        stub = reflection_pb2_grpc.ServerReflectionStub(self.channel)
        requests = [reflection_pb2.ServerReflectionRequest(**request)]
        return next(stub.ServerReflectionInfo(iter(requests), timeout=30))

    def test_lists_every_service(self):
        answer = self.ask(list_services="")
        names = [s.name for s in answer.list_services_response.service]
        for service in SERVICES + ("grpc.health.v1.Health",
                                   "grpc.reflection.v1alpha.ServerReflection"):
            self.assertIn(service, names)

    def test_describes_each_method(self):
        methods = {
            "kappa.v1.LogService": {
                "Append", "AppendStream", "Read", "Replay", "GetOffsets",
                "OpenProducer", "GetProducer"},
            "kappa.v1.MaintenanceService": {"GetScrubStatus", "StartScrub"},
            "kappa.v1.TopicService": {
                "CreateTopic", "GetTopic", "ListTopics", "UpdateTopic",
                "DeleteTopic", "AddPartitions"},
        }
        for service, expected in methods.items():
            answer = self.ask(file_containing_symbol=service)
            described = set()
            for encoded in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
                described.update(
                    method.name for s in file.service for method in s.method
                    if f"{file.package}.{s.name}" == service)
            self.assertEqual(described, expected)


if __name__ == "__main__":
    cases.main()
