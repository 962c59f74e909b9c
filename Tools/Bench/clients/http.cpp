// Posts events over HTTP/1.1. A batch of more than one is a gzipped JSON array.
//
//   http PORT EVENTS BATCH CONNECTIONS FIRST [key=WRITE-KEY] [answer=accepted|status] [rate=N] [threads=N]
//
// answer=accepted (the default): each answer must be 202 and say that all events of the request were accepted.
// answer=status: 202 is enough, for a server that does not look at what it stores.
//
// links: -ldeflate
#include <strings.h>

#include "gzip.hpp"
#include "wire.hpp"

struct Http {
    std::string head;
    bool counts;

    explicit Http(const Options &options)
        : head("POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"), counts(options.get("answer") != "status") {
        if (auto key = options.get("key"); !key.empty()) head += "X-Write-Key: " + key + "\r\n";
    }

    void greet(int, size_t) {}
    void address(Request &, size_t) {}

    Request encode(const Batch &events, size_t) const {
        if (events.size() == 1) return request(events[0], "", 1);
        return request(gzip_body(events), "Content-Encoding: gzip\r\n", events.size());
    }

    size_t answer(std::string_view in, Connection &c) const {
        size_t head_end = in.find("\r\n\r\n");
        if (head_end == in.npos) return 0;
        std::string_view answer_head = in.substr(0, head_end + 2);
        size_t length = content_length(answer_head), whole = head_end + 4 + length;
        if (in.size() < whole) return 0;
        std::string_view body = in.substr(head_end + 4, length);
        if (!c.request || !c.left) die("http: an answer without a request");
        bool good = answer_head.starts_with("HTTP/1.1 202 ");
        if (counts) good = good && body.starts_with("{\"accepted\":" + std::to_string(c.request->events) + ",");
        if (!good) die("http: " + std::string(in.substr(0, whole)));
        c.left--;
        return whole;
    }

private:
    Request request(const std::string &body, const char *encoding, size_t events) const {
        return {head + encoding + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, events, 1, {}};
    }

    static size_t content_length(std::string_view answer_head) {
        static constexpr std::string_view name = "content-length:";
        for (size_t at = 0; (at = answer_head.find("\r\n", at)) != answer_head.npos;) {
            at += 2;
            if (answer_head.size() - at > name.size() && !strncasecmp(answer_head.data() + at, name.data(), name.size()))
                return strtoull(answer_head.data() + at + name.size(), nullptr, 10);
        }
        die("http: an answer without Content-Length: " + std::string(answer_head));
    }
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    return drive_wire(options, Http(options));
}
