#pragma once
// librabbitmq as Swift can call it. The structures are the library's own; what has a variable number of arguments there has a function here.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

// Logs in with a user's name and password (SASL PLAIN). `heartbeat` in seconds.
amqp_rpc_reply_t okla_rabbitmq_login(amqp_connection_state_t connection, const char *vhost, int frame_max, int heartbeat, const char *user,
                                     const char *password);

// What the broker sends to a publisher, by number.
enum {
    okla_rabbitmq_ack = AMQP_BASIC_ACK_METHOD,
    okla_rabbitmq_nack = AMQP_BASIC_NACK_METHOD,
    okla_rabbitmq_return = AMQP_BASIC_RETURN_METHOD,
    okla_rabbitmq_blocked = AMQP_CONNECTION_BLOCKED_METHOD,
    okla_rabbitmq_unblocked = AMQP_CONNECTION_UNBLOCKED_METHOD,
    okla_rabbitmq_channel_close = AMQP_CHANNEL_CLOSE_METHOD,
    okla_rabbitmq_connection_close = AMQP_CONNECTION_CLOSE_METHOD,
};

// Publishes one persistent message that must reach a queue. Returns the library's status.
int okla_rabbitmq_publish(amqp_connection_state_t connection, amqp_channel_t channel, amqp_bytes_t exchange, amqp_bytes_t routing_key,
                          amqp_bytes_t body, amqp_bytes_t message_id, amqp_bytes_t type, uint64_t timestamp_seconds);
