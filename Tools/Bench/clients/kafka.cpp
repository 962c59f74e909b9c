// A client of Kafka's, librdkafka: it produces events, with LZ4 and acknowledged by all, or consumes as many as are asked for.
//
//   kafka BOOTSTRAP EVENTS BATCH CONNECTIONS FIRST mode=produce|consume topic=NAME partitions=N
//
// BATCH and CONNECTIONS mean nothing here: librdkafka makes its own batches over one connection. A consumer that has read all of
// a partition begins anew with it.
//
// links: -lrdkafka
#include <librdkafka/rdkafka.h>

#include "load.hpp"

static rd_kafka_t *client(rd_kafka_type_t type, const Options &options, std::map<std::string, std::string> settings) {
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    settings["bootstrap.servers"] = options.target;
    for (auto &[name, value] : settings)
        if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) die(error);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t *, const rd_kafka_message_t *message, void *) {
            if (message->err) die(std::string("kafka: ") + rd_kafka_err2str(message->err));
        });
    rd_kafka_t *made = rd_kafka_new(type, conf, error, sizeof error);
    if (!made) die(error);
    return made;
}

static size_t produce(const Options &options, Clock::time_point &start) {
    // Made before; sent in turns, so that no memory is needed for millions.
    std::vector<std::string> events(std::min<size_t>(options.events, 50'000)), keys(events.size());
    on_all_cores(events.size(), [&](size_t i) {
        events[i] = event(options.seed, options.first + i);
        keys[i] = user_of(events[i]);
    });
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, options, {{"acks", "all"}, {"compression.type", "lz4"}, {"partitioner", "murmur2_random"}});
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, options.get("topic").c_str(), nullptr);
    wait_for_go();
    start = Clock::now();
    size_t bytes = 0;
    for (size_t i = 0; i < options.events; i++) {
        const std::string &text = events[i % events.size()];
        const std::string &key = keys[i % keys.size()];
        bytes += text.size();
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)text.data(), text.size(), key.data(), key.size(), nullptr))
            if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL) rd_kafka_poll(producer, 10);
            else die(rd_kafka_err2str(rd_kafka_last_error()));
        if (i % 1000 == 0) rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, 300'000)) die("kafka: not everything was acknowledged");
    return bytes;
}

static size_t consume(const Options &options, Clock::time_point &start) {
    const int partitions = options.number("partitions", 1);
    // Neither does a request wait that finds all partitions at their ends, nor does the client pause for a second when it has much in its queue.
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, options, {{"fetch.wait.max.ms", "5"}, {"queued.min.messages", "10000000"},
                                                               {"queued.max.messages.kbytes", "1000000"}, {"group.id", "bench"}, {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"}, {"check.crcs", "true"}});
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    // Where each begins, once that is known.
    std::vector<int64_t> beginnings(partitions, RD_KAFKA_OFFSET_BEGINNING);
    auto with_places = [&](int first, int behind, auto &&body) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(behind - first);
        for (int p = first; p < behind; p++) rd_kafka_topic_partition_list_add(list, options.get("topic").c_str(), p)->offset = beginnings[p];
        body(list);
        rd_kafka_topic_partition_list_destroy(list);
    };
    wait_for_go();
    start = Clock::now();
    with_places(0, partitions, [&](auto *list) { if (rd_kafka_assign(consumer, list)) die("kafka: cannot assign"); });
    size_t bytes = 0, count = 0;
    std::vector<rd_kafka_message_t *> messages(10'000);
    while (count < options.events) {
        const ssize_t found = rd_kafka_consume_batch_queue(queue, 10, messages.data(), messages.size());
        for (ssize_t i = 0; i < found; i++) {
            const int partition = messages[i]->partition;
            if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                if (beginnings[partition] < 0) die("kafka: a partition has nothing to read");
                with_places(partition, partition + 1, [&](auto *list) {
                    if (rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer, list, 0)) die(rd_kafka_error_string(error));
                });
            } else if (messages[i]->err) die(std::string("kafka: ") + rd_kafka_message_errstr(messages[i]));
            else {
                if (beginnings[partition] < 0) beginnings[partition] = messages[i]->offset;
                count++, bytes += messages[i]->len;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    return bytes;
}

int main(int argc, char **argv) {
    Options options(argc, argv);
    Clock::time_point start;
    const bool produces = options.get("mode") == "produce";
    const size_t bytes = produces ? produce(options, start) : consume(options, start);
    const double took = seconds(Clock::now() - start);
    printf("{\"events\":%zu,\"bytes\":%zu,\"seconds\":%.6f,\"per_s\":%.0f,\"mb_s\":%.2f,\"client_cpu_s\":%.3f}\n", options.events, bytes, took,
           options.events / took, bytes / took / 1e6, Usage::now().cpu);
    fflush(stdout);
    // What is left in its queues is not waited for.
    _exit(0);
}
