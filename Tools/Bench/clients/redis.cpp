// Redis Streams: a batch is a pipeline of XADDs, acknowledged when each of them has its entry's id.
//
//   redis PORT EVENTS BATCH CONNECTIONS FIRST
#include "wire.hpp"

struct Redis {
    void greet(int, size_t) {}
    void address(Request &, size_t) {}

    Request encode(const Batch &events, size_t) const {
        std::string bytes;
        for (auto &e : events)
            bytes.append("*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$").append(std::to_string(e.size())).append("\r\n").append(e).append("\r\n");
        return {bytes, events.size(), events.size(), {}};
    }

    size_t answer(std::string_view in, Connection &c) const {
        size_t end = in.find("\r\n");
        if (end == in.npos) return 0;
        if (in[0] != '$' || !c.left) die("redis: " + std::string(in.substr(0, end)));
        size_t whole = end + 2 + strtoull(in.data() + 1, nullptr, 10) + 2;
        if (in.size() < whole) return 0;
        c.left--;
        return whole;
    }
};

int main(int argc, char **argv) {
    return drive_wire(Options(argc, argv), Redis());
}
