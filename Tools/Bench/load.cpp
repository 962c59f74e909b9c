// The load generator of Tools/bench: makes deterministic events of about 770 bytes and stores them, over HTTP or into
// Redis Streams, with W workers that each keep one batch in flight. Prints one line of JSON.
//
//   load http|redis PORT EVENTS BATCH WORKERS [KEY] [FIRST]
//
// Batches of more than one event are sent gzipped over HTTP; they are compressed before the clock starts. FIRST numbers
// the first event, so that two runs against one service send different messageIds.
#include <arpa/inet.h>
#include <libdeflate.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

[[noreturn]] static void die(const std::string &what) {
    fprintf(stderr, "load: %s\n", what.c_str());
    exit(1);
}

// splitmix64, seeded by the event's number: event n is the same in every run.
struct Random {
    uint64_t state;
    uint64_t next() {
        uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
    unsigned below(unsigned n) { return unsigned((unsigned __int128)next() * n >> 64); }
};

static std::string event(size_t number) {
    Random r{number * 1000003};
    char id[40], properties[400], text[1400];
    uint64_t a = r.next(), b = r.next();
    snprintf(id, sizeof id, "%08x-%04x-4%03x-8%03x-%012llx", unsigned(a), unsigned(a >> 32 & 0xFFFF), unsigned(a >> 48 & 0xFFF),
             unsigned(b & 0xFFF), (unsigned long long)(b >> 16));
    static const char *names[] = {"vehicle_view", "search", "page_view", "lead_form_submit"};
    static const char *sources[] = {"search_results", "home", "similar"};
    static const char *queries[] = {"toyota rav4", "honda crv 2020", "kia sportage", "jeep"};
    unsigned kind = r.below(4), vehicle = r.below(20000);
    switch (kind) {
    case 0:
        snprintf(properties, sizeof properties, R"("vehicleId":"vehicle-%u","source":"%s","position":%u)", vehicle, sources[r.below(3)], r.below(40));
        break;
    case 1:
        snprintf(properties, sizeof properties, R"("query":"%s","filters":{"make":"toyota","priceMax":%u},"resultsCount":%u)",
                 queries[r.below(4)], 500000 + r.below(2500000), r.below(500));
        break;
    case 2:
        snprintf(properties, sizeof properties,
                 R"("url":"https://okla.com.do/vehiculo/%u","title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com")", vehicle);
        break;
    default:
        snprintf(properties, sizeof properties, R"("vehicleId":"vehicle-%u","leadId":"%016llx","dealerId":"dealer-%u")", vehicle,
                 (unsigned long long)r.next(), r.below(300));
    }
    int n = snprintf(
        text, sizeof text,
        R"({"event":"%s","timestamp":"2026-01-21T10:%02u:%02u.%03uZ","messageId":"%s","context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4-%u","title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo","screen":{"width":1920,"height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4","content":"ad-variant-a"}},"userId":"user-%u","anonymousId":"anon-%u","sessionId":"session-%u","properties":{%s}})",
        names[kind], r.below(60), r.below(60), r.below(1000), id, r.below(20000), r.below(50000), r.below(60000), r.below(90000), properties);
    return std::string(text, n);
}

static int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_port = htons(port), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (sockaddr *)&address, sizeof address)) die("cannot connect to port " + std::to_string(port));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const std::string &data) {
    for (size_t done = 0; done < data.size();) {
        ssize_t n = write(fd, data.data() + done, data.size() - done);
        if (n <= 0) die("the server closed the connection");
        done += n;
    }
}

struct Reader {
    int fd;
    std::string buffer;
    size_t place = 0;

    void more() {
        if (place == buffer.size()) buffer.clear(), place = 0;
        char chunk[65536];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0) die("the server closed the connection");
        buffer.append(chunk, n);
    }
    std::string line() {
        size_t end;
        while ((end = buffer.find("\r\n", place)) == std::string::npos) more();
        std::string text = buffer.substr(place, end - place);
        place = end + 2;
        return text;
    }
    std::string take(size_t count) {
        while (buffer.size() - place < count) more();
        place += count;
        return buffer.substr(place - count, count);
    }
};

// A request as it goes over the wire, and how many events it holds.
struct Request {
    std::string bytes;
    size_t events;
};

static Request http_request(const std::vector<std::string> &events, const std::string &key) {
    std::string body, head = "POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Write-Key: " + key + "\r\n";
    if (events.size() == 1) {
        body = events[0];
    } else {
        std::string json = "[";
        for (auto &e : events) json += e + ",";
        json.back() = ']';
        thread_local libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
        body.resize(libdeflate_gzip_compress_bound(compressor, json.size()));
        body.resize(libdeflate_gzip_compress(compressor, json.data(), json.size(), body.data(), body.size()));
        head += "Content-Encoding: gzip\r\n";
    }
    return {head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, events.size()};
}

static void http_answer(Reader &reader, size_t events) {
    std::string status = reader.line();
    size_t length = 0;
    for (std::string field; !(field = reader.line()).empty();)
        if (!strncasecmp(field.c_str(), "content-length:", 15)) length = atol(field.c_str() + 15);
    std::string body = reader.take(length), expected = "{\"accepted\":" + std::to_string(events) + ",";
    if (status.find(" 202 ") == std::string::npos || body.compare(0, expected.size(), expected)) die(status + ": " + body);
}

static Request redis_request(const std::vector<std::string> &events) {
    std::string bytes;
    for (auto &e : events)
        bytes += "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$" + std::to_string(e.size()) + "\r\n" + e + "\r\n";
    return {bytes, events.size()};
}

static void redis_answer(Reader &reader, size_t events) {
    for (; events; events--) {
        std::string head = reader.line();
        if (head[0] != '$') die("redis: " + head);
        reader.take(atol(head.c_str() + 1) + 2);
    }
}

int main(int argc, char **argv) {
    if (argc < 6) die("usage: load http|redis PORT EVENTS BATCH WORKERS [KEY] [FIRST]");
    const bool http = !strcmp(argv[1], "http");
    const int port = atoi(argv[2]);
    const size_t count = atol(argv[3]), batch = atol(argv[4]), workers = atol(argv[5]);
    const std::string key = argc > 6 ? argv[6] : "";
    const size_t first = argc > 7 ? atol(argv[7]) : 0;

    std::vector<Request> requests((count + batch - 1) / batch);
    size_t bytes = 0;
    for (size_t i = 0; i < requests.size(); i++) {
        std::vector<std::string> events;
        for (size_t n = i * batch; n < std::min(count, (i + 1) * batch); n++) events.push_back(event(first + n)), bytes += events.back().size();
        requests[i] = http ? http_request(events, key) : redis_request(events);
    }

    std::atomic<size_t> next{0};
    std::vector<std::vector<double>> times(workers);
    std::latch ready(workers + 1), go(1);
    std::vector<std::thread> threads;
    for (size_t w = 0; w < workers; w++)
        threads.emplace_back([&, w] {
            Reader reader{connect_to(port), {}};
            ready.count_down(), go.wait();
            for (size_t i; (i = next.fetch_add(1)) < requests.size();) {
                auto start = Clock::now();
                send_all(reader.fd, requests[i].bytes);
                http ? http_answer(reader, requests[i].events) : redis_answer(reader, requests[i].events);
                times[w].push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
            }
            close(reader.fd);
        });
    ready.arrive_and_wait();
    rusage before;
    getrusage(RUSAGE_SELF, &before);
    auto start = Clock::now();
    go.count_down();
    for (auto &t : threads) t.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    rusage after;
    getrusage(RUSAGE_SELF, &after);
    auto cpu = [](const rusage &u) { return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6; };
    std::vector<double> all;
    for (auto &t : times) all.insert(all.end(), t.begin(), t.end());
    std::sort(all.begin(), all.end());
    auto at = [&](double q) { return all[size_t(q * (all.size() - 1))]; };
    printf("{\"events\":%zu,\"bytes\":%zu,\"seconds\":%.4f,\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"client_cpu_s\":%.3f}\n", count, bytes,
           seconds, count / seconds, at(.5), at(.99), cpu(after) - cpu(before));
}
