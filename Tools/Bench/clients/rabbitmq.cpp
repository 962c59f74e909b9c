// RabbitMQ over AMQP 0-9-1 with publisher confirms: a batch is as many persistent messages, acknowledged when the broker
// has confirmed each of them.
//
//   rabbitmq PORT EVENTS BATCH CONNECTIONS FIRST queue=quorum|stream [exchange=NAME]
//
// With an exchange, a durable topic exchange that is made, messages go there, and the queue is bound for all of its keys.
//
// links: -lrabbitmq
#include <amqp.h>
#include <amqp_tcp_socket.h>

#include <memory>

#include "load.hpp"

class Channel {
public:
    Channel(int port, const std::string &type, const std::string &exchange) : queue(type), exchange(exchange), connection(amqp_new_connection()) {
        if (amqp_socket_open(amqp_tcp_socket_new(connection), "127.0.0.1", port)) die("rabbitmq: cannot connect");
        check(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
        amqp_channel_open(connection, 1);
        check(amqp_get_rpc_reply(connection), "channel");
        amqp_table_entry_t argument{};
        argument.key = amqp_cstring_bytes("x-queue-type");
        argument.value.kind = AMQP_FIELD_KIND_UTF8, argument.value.value.bytes = amqp_cstring_bytes(queue.c_str());
        amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue.c_str()), 0, /*durable*/ 1, 0, 0, {1, &argument});
        check(amqp_get_rpc_reply(connection), "queue");
        if (!exchange.empty()) bind();
        amqp_confirm_select(connection, 1);
        check(amqp_get_rpc_reply(connection), "confirms");
        properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    }

    void store(const Batch &batch) {
        for (auto &e : batch)
            if (amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange.c_str()), amqp_cstring_bytes(queue.c_str()), 0, 0, &properties, {e.size(), (void *)e.data()}))
                die("rabbitmq: the connection is lost");
        first = published + 1, published += batch.size(), below = first;
        unconfirmed.assign(batch.size(), true);
        for (size_t left = batch.size(); left;) left -= confirmed();
        amqp_maybe_release_buffers(connection);
    }

private:
    // Waits for the broker's next word, and says how many messages it newly confirms.
    size_t confirmed() {
        amqp_frame_t frame;
        if (amqp_simple_wait_frame(connection, &frame)) die("rabbitmq: the connection is lost");
        if (frame.frame_type == AMQP_FRAME_HEARTBEAT) return 0;
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) die("rabbitmq: refused");
        auto *ack = static_cast<amqp_basic_ack_t *>(frame.payload.method.decoded);
        if (ack->delivery_tag < first || ack->delivery_tag > published) die("rabbitmq: confirms what is not in flight");
        size_t count = 0;
        for (uint64_t tag = ack->multiple ? below : ack->delivery_tag; tag <= ack->delivery_tag; tag++)
            if (unconfirmed[tag - first]) unconfirmed[tag - first] = false, count++;
        if (ack->multiple) below = ack->delivery_tag + 1;
        return count;
    }

    void bind() {
        amqp_exchange_declare(connection, 1, amqp_cstring_bytes(exchange.c_str()), amqp_cstring_bytes("topic"), 0, /*durable*/ 1, 0, 0, amqp_empty_table);
        check(amqp_get_rpc_reply(connection), "exchange");
        amqp_queue_bind(connection, 1, amqp_cstring_bytes(queue.c_str()), amqp_cstring_bytes(exchange.c_str()), amqp_cstring_bytes("#"), amqp_empty_table);
        check(amqp_get_rpc_reply(connection), "binding");
    }

    static void check(amqp_rpc_reply_t reply, const char *what) {
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) die(std::string("rabbitmq: ") + what + " refused");
    }

    std::string queue, exchange;
    amqp_connection_state_t connection;
    amqp_basic_properties_t properties{};
    uint64_t published = 0, first = 1, below = 1;  // delivery tags: the last one, the batch's first, all under it confirmed
    std::vector<bool> unconfirmed;
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    return drive(options, [&](size_t) { return std::make_unique<Channel>(options.port(), options.get("queue", "quorum"), options.get("exchange")); });
}
