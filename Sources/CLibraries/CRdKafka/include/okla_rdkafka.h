#pragma once
// librdkafka as Swift can call it: what has a variable number of arguments there has a function here.
#include <librdkafka/rdkafka.h>

// Queues one message with a copy of its bytes, without waiting. `timestamp` in milliseconds since 1970. A NULL key or value is none; `headers`
// may be NULL, and belong to the library unless this fails. Returns the library's error, RD_KAFKA_RESP_ERR__QUEUE_FULL among them.
rd_kafka_resp_err_t okla_kafka_produce(rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, int64_t timestamp, const void *key,
                                       size_t key_size, const void *value, size_t value_size, rd_kafka_headers_t *headers, void *opaque);
