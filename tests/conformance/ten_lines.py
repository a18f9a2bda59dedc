"""Ten events appended and read back with nothing but generated code."""
import sys, grpc
from kappa.v1 import log_service_pb2 as log, record_pb2 as rec, topic_service_pb2 as topic
from kappa.v1 import log_service_pb2_grpc as log_rpc, topic_service_pb2_grpc as topic_rpc
channel = grpc.insecure_channel(sys.argv[1])
topic_rpc.TopicServiceStub(channel).CreateTopic(topic.CreateTopicRequest(name="ten"))
kappa = log_rpc.LogServiceStub(channel)
events = rec.RecordSet(records=[rec.Record(value=b"event %d" % i) for i in range(10)])
kappa.Append(log.AppendRequest(topic="ten", batch=rec.Batch(records=events)))
print(kappa.Read(log.ReadRequest(topic="ten")).batches[0].records)
