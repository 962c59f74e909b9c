// NATS JetStream over the plain NATS protocol, which costs the client much less than the C library does.
//
//   nats PORT EVENTS BATCH CONNECTIONS FIRST [publish=async|atomic]
//
// async: one publish an event, each with its own acknowledgement; a batch is done when all of them are there.
// atomic: the batch is one atomic batch publish (server 2.12 or later) with one acknowledgement.
#include "wire.hpp"

struct Nats {
    bool atomic;
    std::string run;  // makes the batches' names unique

    explicit Nats(const Options &options) : atomic(options.get("publish") == "atomic"), run(std::to_string(options.first)) {}

    // Acknowledgements come to the connection's own subject. Its number has a fixed width, to be filled in late.
    static std::string inbox(size_t connection) {
        char text[40];
        snprintf(text, sizeof text, "_INBOX.bench.%03zu", connection);
        return text;
    }

    void greet(int descriptor, size_t connection) {
        if (connection > 999) die("nats: at most 1000 connections");
        std::string hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nSUB " + inbox(connection) + " 1\r\n";
        if (connection == 0) {  // to make a stream that is there already is no error when it is the same
            std::string stream = "{\"name\":\"EVENTS\",\"subjects\":[\"events\"],\"storage\":\"file\",\"num_replicas\":1";
            stream += atomic ? ",\"allow_atomic\":true}" : "}";
            hello += "PUB $JS.API.STREAM.CREATE.EVENTS " + inbox(0) + " " + std::to_string(stream.size()) + "\r\n" + stream + "\r\n";
        }
        send_all(descriptor, hello + "PING\r\n");
        // The PONG may overtake the answer about the stream.
        std::string in;
        while (in.find("PONG\r\n") == in.npos || (connection == 0 && in.find("}\r\n", in.find("\r\nMSG ")) == in.npos)) {
            char chunk[4096];
            ssize_t n = recv(descriptor, chunk, sizeof chunk, 0);
            if (n <= 0 || in.find("-ERR") != in.npos) die("nats: " + in);
            in.append(chunk, n);
        }
        if (in.find("\"error\"") != in.npos) die("nats: " + in);
    }

    Request encode(const Batch &events, size_t number) const {
        Request request{"", events.size(), atomic ? 1 : events.size(), {}};
        auto address_later = [&] {
            request.bytes += inbox(0) + " ";
            request.places.push_back(request.bytes.size() - 4);
        };
        for (size_t i = 0; i < events.size(); i++) {
            const bool last = i + 1 == events.size();
            if (atomic) {
                std::string header = "NATS/1.0\r\nNats-Batch-Id: " + run + "-" + std::to_string(number) + "\r\nNats-Batch-Sequence: " +
                                     std::to_string(i + 1) + (last ? "\r\nNats-Batch-Commit: 1\r\n\r\n" : "\r\n\r\n");
                request.bytes += "HPUB events ";
                if (last) address_later();
                request.bytes += std::to_string(header.size()) + " " + std::to_string(header.size() + events[i].size()) + "\r\n" + header;
            } else {
                request.bytes += "PUB events ";
                address_later();
                request.bytes += std::to_string(events[i].size()) + "\r\n";
            }
            request.bytes.append(events[i]).append("\r\n");
        }
        return request;
    }

    void address(Request &request, size_t connection) const {
        const std::string digits = inbox(connection);
        for (size_t place : request.places) memcpy(request.bytes.data() + place, digits.data() + digits.size() - 3, 3);
    }

    size_t answer(std::string_view in, Connection &c) const {
        size_t end = in.find("\r\n");
        if (end == in.npos) return 0;
        std::string_view line = in.substr(0, end);
        if (line == "PING") return c.reply += "PONG\r\n", end + 2;
        if (line.starts_with("INFO ") || line == "PONG") return end + 2;
        if (!line.starts_with("MSG ")) die("nats: " + std::string(line));
        size_t whole = end + 2 + strtoull(line.data() + line.rfind(' ') + 1, nullptr, 10) + 2;
        if (in.size() < whole) return 0;
        std::string_view message = in.substr(end + 2, whole - end - 4);
        if (!c.left || message.find("\"error\"") != message.npos || message.find("\"seq\"") == message.npos) die("nats: " + std::string(message));
        c.left--;
        return whole;
    }
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    return drive_wire(options, Nats(options));
}
