// Makes a topic: kafka_topic BOOTSTRAP TOPIC PARTITIONS
//
// links: -lrdkafka
#include <librdkafka/rdkafka.h>

#include "load.hpp"

int main(int argc, char **argv) {
    if (argc != 4) die("usage: kafka_topic BOOTSTRAP TOPIC PARTITIONS");
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], error, sizeof error) != RD_KAFKA_CONF_OK) die(error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!client) die(error);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(argv[2], atoi(argv[3]), 1, error, sizeof error);
    if (!topic) die(error);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30'000);
    if (!event || rd_kafka_event_error(event)) die("kafka_topic: no answer");
    size_t count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0])) die("kafka_topic: refused");
    _exit(0);
}
