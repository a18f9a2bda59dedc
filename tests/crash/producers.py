"""What producers are told after a crash: what they were told before."""

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from tests.crash import model
from tests.crash import writers

GAP = grpc.StatusCode.FAILED_PRECONDITION.value[0]
REUSED = grpc.StatusCode.INVALID_ARGUMENT.value[0]
# One crash in so many a producer is opened again.
OPEN_EVERY = 4


def _partitions(logs):
    return [log.partition for log in logs]


def open_first(channel, writer, logs):
    """Makes `writer` a named producer."""
    opened = log_service_pb2_grpc.LogServiceStub(channel).OpenProducer(
        log_pb2.OpenProducerRequest(name=writer.name, topic=logs[0].topic,
                                    partitions=_partitions(logs)))
    writer.id, writer.epoch = opened.producer_id, opened.epoch


def check(channel, all_writers, logs, rng):
    """Positions, retries, refusals, epochs. Returns what is wrong."""
    stub = log_service_pb2_grpc.LogServiceStub(channel)
    faults = []
    for writer in all_writers:
        if writer.name:
            faults += _check_positions(stub, writer, logs["main"])
    everywhere = [log for some in logs.values() for log in some]
    faults = faults or _retry(stub, all_writers, everywhere)
    named = [writer for writer in all_writers if writer.name]
    if not faults and rng.randrange(OPEN_EVERY) == 0:
        faults = _open_again(stub, rng.choice(named), logs["main"])
    return faults


def _check_positions(stub, writer, logs):
    answer = stub.GetProducer(log_pb2.GetProducerRequest(
        name=writer.name, topic=logs[0].topic, partitions=_partitions(logs)))
    faults = []
    if (answer.producer_id, answer.epoch) != (writer.id, writer.epoch):
        faults.append(f"{writer.name}: epoch {answer.epoch}, expected {writer.epoch}")
    return faults + _compare_positions(writer, logs, answer.positions)


def _compare_positions(writer, logs, positions):
    faults = []
    for log, position in zip(logs, positions):
        told = position.partition, position.last_sequence, position.state
        expected = log.partition, log.seen[writer.number], log.states[writer.number]
        if told != expected:
            faults.append(f"{log} {writer.name}: told {told}, expected {expected}")
    return faults


def _expected(writer, log):
    """Requests with what each must be answered with: a result, or a code."""
    number = writer.number
    expected = []
    for sent in log.recent[number]:
        # One that was first seen after the next epoch began is fenced.
        if sent.request.producer.epoch == writer.epoch:
            expected.append((sent.request, sent.result, sent))
    for sent in log.unseen():
        if sent.writer == number:
            expected.append((sent.request, None, sent))
    if expected:
        last = expected[-1][0]
        gap = writers.other_bytes(last)
        gap.producer.sequence += 2
        expected.append((gap, GAP, None))
        expected.append((writers.other_bytes(last), REUSED, None))
    return expected


def _retry(stub, all_writers, logs):
    """Retries the last batches, then what never arrived, in their order."""
    expected = [one for log in logs for writer in all_writers
                for one in _expected(writer, log)]
    answers = stub.AppendStream(
        log_pb2.AppendStreamRequest(correlation_id=i, append=request)
        for i, (request, _, _) in enumerate(expected))
    faults, answered = [], 0
    for answer in answers:
        answered += 1
        _, wanted, sent = expected[answer.correlation_id]
        fault = _compare_answer(answer, wanted, sent)
        if fault:
            faults.append(f"retry of {sent}: {fault}" if sent else fault)
    if answered != len(expected):
        faults.append(f"{answered} answers to {len(expected)} retries")
    return faults


def _compare_answer(answer, wanted, sent):
    if isinstance(wanted, int):
        return None if answer.error.code == wanted else f"{answer}, expected code {wanted}"
    if not answer.HasField("ack"):
        return f"{answer.error}"
    if wanted is None:
        sent.ack = answer.ack
        return "is a repetition, though it was not there" if answer.ack.duplicate else None
    if not answer.ack.duplicate or model.result_of(answer.ack) != wanted:
        return f"{answer.ack}, expected a repetition of {wanted}"
    return None


def _open_again(stub, writer, logs):
    """The next epoch; the former one is refused."""
    opened = stub.OpenProducer(log_pb2.OpenProducerRequest(
        name=writer.name, topic=logs[0].topic, partitions=_partitions(logs)))
    if (opened.producer_id, opened.epoch) != (writer.id, writer.epoch + 1):
        return [f"{writer.name}: epoch {opened.epoch} after {writer.epoch}"]
    zombie = log_pb2.AppendRequest(topic=logs[0].topic, partition=logs[0].partition)
    zombie.batch.CopyFrom(writers.other_bytes(zombie).batch)
    zombie.producer.id, zombie.producer.epoch = writer.id, writer.epoch
    zombie.producer.sequence = logs[0].given[writer.number] + 1
    writer.epoch = opened.epoch
    try:
        return [f"{writer.name}: an old epoch was accepted: {stub.Append(zombie)}"]
    except grpc.RpcError as error:
        fenced = error.code() == grpc.StatusCode.FAILED_PRECONDITION
        return [] if fenced else [f"{writer.name}: an old epoch got {error}"]
