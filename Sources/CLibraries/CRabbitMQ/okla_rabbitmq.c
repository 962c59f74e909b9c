#include "okla_rabbitmq.h"

amqp_rpc_reply_t okla_rabbitmq_login(amqp_connection_state_t connection, const char *vhost, int frame_max, int heartbeat, const char *user,
                                     const char *password) {
    // The library adds its own. Without this capability a broker that is short of memory stops reading and does not say so.
    amqp_table_entry_t capability = {
        .key = amqp_cstring_bytes("connection.blocked"), .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
    amqp_table_entry_t entries[] = {
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE, .value.table = {.num_entries = 1, .entries = &capability}}},
        // As the broker's own pages show it.
        {.key = amqp_cstring_bytes("connection_name"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("okla-events")}},
    };
    amqp_table_t properties = {.num_entries = sizeof entries / sizeof *entries, .entries = entries};
    return amqp_login_with_properties(connection, vhost, AMQP_DEFAULT_MAX_CHANNELS, frame_max, heartbeat, &properties,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}

int okla_rabbitmq_publish(amqp_connection_state_t connection, amqp_channel_t channel, amqp_bytes_t exchange, amqp_bytes_t routing_key,
                          amqp_bytes_t body, amqp_bytes_t message_id, amqp_bytes_t type, uint64_t timestamp_seconds) {
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
                  AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .message_id = message_id,
        .timestamp = timestamp_seconds,
        .type = type,
        .app_id = amqp_cstring_bytes("okla-events"),
    };
    return amqp_basic_publish(connection, channel, exchange, routing_key, 1, 0, &properties, body);
}
