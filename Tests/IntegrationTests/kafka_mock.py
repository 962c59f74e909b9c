"""librdkafka's mock of a Kafka cluster as a process: `kafka_mock.py BROKERS`.

It prints one line of JSON when it is ready, and then answers each line [function, arguments...] on its standard input with one line.
Python's binding cannot create topics in it or break it, so it is called through its C interface, from the library that the binding brings.
"""
import ctypes
import json
import pathlib
import sys

import confluent_kafka

PRODUCER = 0
ERROR_BYTES = 512


def library():
    """The binding's own copy of librdkafka, which lies beside the package under a name with a checksum."""
    package = pathlib.Path(confluent_kafka.__file__).parent
    [path] = (package.parent / "confluent_kafka.libs").glob("librdkafka-*.so*")
    return ctypes.CDLL(str(path))


class Mock:
    """Brokers count from 1. Functions give None, or raise with librdkafka's text."""

    def __init__(self, broker_count):
        self.library = library()
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self.library, name).restype = ctypes.c_void_p
        for name in ("rd_kafka_mock_cluster_bootstraps", "rd_kafka_err2name"):
            getattr(self.library, name).restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(ERROR_BYTES)
        configuration = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        # The cluster lives in a client, which itself does nothing.
        client = self.library.rd_kafka_new(PRODUCER, configuration, error, ctypes.c_size_t(ERROR_BYTES))
        if not client:
            raise RuntimeError(error.value.decode())
        self.cluster = ctypes.c_void_p(self.library.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), broker_count))

    def bootstrap(self):
        return self.library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()

    def create_topic(self, topic, partition_count, replica_count):
        self.check(self.library.rd_kafka_mock_topic_create(self.cluster, topic.encode(), partition_count, replica_count))

    def broker_down(self, broker):
        self.check(self.library.rd_kafka_mock_broker_set_down(self.cluster, broker))

    def broker_up(self, broker):
        self.check(self.library.rd_kafka_mock_broker_set_up(self.cluster, broker))

    def set_leader(self, topic, partition, broker):
        self.check(self.library.rd_kafka_mock_partition_set_leader(self.cluster, topic.encode(), partition, broker))

    def advertise(self, broker, host, port):
        self.library.rd_kafka_mock_broker_set_host_port(self.cluster, broker, host.encode(), port)

    def fail_requests(self, kind, errors):
        self.library.rd_kafka_mock_push_request_errors_array(
            self.cluster, ctypes.c_int16(kind), ctypes.c_size_t(len(errors)), (ctypes.c_int * len(errors))(*errors))

    def delay_answers(self, broker, kind, milliseconds, count):
        for _ in range(count):
            self.check(self.library.rd_kafka_mock_broker_push_request_error_rtts(
                self.cluster, ctypes.c_int32(broker), ctypes.c_int16(kind), ctypes.c_size_t(1), ctypes.c_int(0), ctypes.c_int(milliseconds)))

    def clear_failures(self, kind):
        self.library.rd_kafka_mock_clear_request_errors(self.cluster, ctypes.c_int16(kind))

    def check(self, error):
        if error:
            raise RuntimeError(self.library.rd_kafka_err2name(error).decode())


def say(value):
    print(json.dumps(value), flush=True)


def main():
    mock = Mock(int(sys.argv[1]))
    say({"bootstrap": mock.bootstrap()})
    for line in sys.stdin:
        function, *arguments = json.loads(line)
        try:
            say({"value": getattr(mock, function)(*arguments)})
        except RuntimeError as error:
            say({"error": str(error)})


if __name__ == "__main__":
    main()
