// librdkafka's own mock of a Kafka broker, which keeps everything in memory: of each partition the last 5 MiB.
//
//   kafka_mock TOPIC PARTITIONS
//
// links: -lrdkafka
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#include "load.hpp"

int main(int argc, char **argv) {
    if (argc != 3) die("usage: kafka_mock TOPIC PARTITIONS");
    char error[512];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof error);
    if (!client) die(error);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    if (rd_kafka_mock_topic_create(cluster, argv[1], atoi(argv[2]), 1)) die("kafka_mock: cannot make the topic");
    printf("ready %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    pause();
}
