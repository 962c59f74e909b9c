// What every client of the benchmark shares: the events, the options, the workers of the blocking libraries, and the line
// of JSON that each client prints.
//
//   CLIENT TARGET EVENTS BATCH CONNECTIONS FIRST [NAME=VALUE ...]
//
// TARGET is a port or a file. FIRST numbers the first event: two runs against one store send different messageIds. All take
// seed=N, which stands in Fixtures/events. When all is prepared and connected the client prints `ready` and waits for a line;
// so the driver can look at the server just before.
#pragma once
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;
using Batch = std::vector<std::string>;

[[noreturn]] inline void die(const std::string &what) {
    fprintf(stderr, "%s\n", what.c_str());
    exit(1);
}

inline double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

struct Options {
    std::string target;
    size_t events, batch, connections, first;
    uint64_t seed;
    std::map<std::string, std::string> more;

    Options(int argc, char **argv) {
        if (argc < 6) die("usage: CLIENT TARGET EVENTS BATCH CONNECTIONS FIRST [NAME=VALUE ...]");
        target = argv[1];
        events = strtoull(argv[2], nullptr, 10), batch = strtoull(argv[3], nullptr, 10);
        connections = strtoull(argv[4], nullptr, 10), first = strtoull(argv[5], nullptr, 10);
        if (!events || !batch || !connections) die("EVENTS, BATCH and CONNECTIONS must be positive");
        for (int i = 6; i < argc; i++) {
            const char *equals = strchr(argv[i], '=');
            if (!equals) die(std::string("not NAME=VALUE: ") + argv[i]);
            more[std::string(argv[i], equals - argv[i])] = equals + 1;
        }
        seed = strtoull(get("seed").c_str(), nullptr, 10);
        if (seed % 2 == 0) die("seed=N, an odd number, is missing");
    }
    int port() const { return atoi(target.c_str()); }
    size_t batches() const { return (events + batch - 1) / batch; }
    size_t batch_size(size_t number) const { return std::min(batch, events - number * batch); }
    std::string get(const std::string &name, const std::string &fallback = "") const {
        auto found = more.find(name);
        return found == more.end() ? fallback : found->second;
    }
    double number(const std::string &name, double fallback) const {
        auto found = more.find(name);
        return found == more.end() ? fallback : atof(found->second.c_str());
    }
};

// ---- the events

// splitmix64, whose state begins with the seed times the event's number: event n is the same in every run.
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

// About 770 bytes of JSON: one of four kinds, with members in the order in which a browser's client writes them.
inline std::string event(uint64_t seed, size_t number) {
    Random r{seed * number};
    char id[40], properties[400], text[1400];
    uint64_t a = r.next(), b = r.next();
    snprintf(id, sizeof id, "%08x-%04x-4%03x-8%03x-%012llx", unsigned(a), unsigned(a >> 32 & 0xFFFF), unsigned(a >> 48 & 0xFFF),
             unsigned(b & 0xFFF), (unsigned long long)(b >> 16));
    static const char *names[] = {"vehicle_view", "search", "page_view", "lead_form_submit"};
    static const char *sources[] = {"search_results", "home", "similar"};
    static const char *queries[] = {"toyota rav4", "honda crv 2020", "kia sportage", "jeep"};
    unsigned kind = r.below(4), vehicle = r.below(20000);
    // One draw a statement: the order in which a call's arguments are evaluated is the compiler's choice.
    switch (kind) {
    case 0: {
        unsigned source = r.below(3), position = r.below(40);
        snprintf(properties, sizeof properties, R"("vehicleId":"vehicle-%u","source":"%s","position":%u)", vehicle, sources[source], position);
        break;
    }
    case 1: {
        unsigned query = r.below(4), price = 500000 + r.below(2500000), results = r.below(500);
        snprintf(properties, sizeof properties, R"("query":"%s","filters":{"make":"toyota","priceMax":%u},"resultsCount":%u)",
                 queries[query], price, results);
        break;
    }
    case 2:
        snprintf(properties, sizeof properties,
                 R"("url":"https://okla.com.do/vehiculo/%u","title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com")", vehicle);
        break;
    default: {
        unsigned long long lead = r.next();
        unsigned dealer = r.below(300);
        snprintf(properties, sizeof properties, R"("vehicleId":"vehicle-%u","leadId":"%016llx","dealerId":"dealer-%u")", vehicle, lead, dealer);
    }
    }
    unsigned minute = r.below(60), second = r.below(60), milli = r.below(1000), page = r.below(20000);
    unsigned user = r.below(50000), anonymous = r.below(60000), session = r.below(90000);
    int n = snprintf(
        text, sizeof text,
        R"({"event":"%s","timestamp":"2026-01-21T10:%02u:%02u.%03uZ","messageId":"%s","context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4-%u","title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo","screen":{"width":1920,"height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4","content":"ad-variant-a"}},"userId":"user-%u","anonymousId":"anon-%u","sessionId":"session-%u","properties":{%s}})",
        names[kind], minute, second, milli, id, page, user, anonymous, session, properties);
    return std::string(text, n);
}

inline Batch batch_of(const Options &options, size_t number) {
    Batch events(options.batch_size(number));
    for (size_t i = 0; i < events.size(); i++) events[i] = event(options.seed, options.first + number * options.batch + i);
    return events;
}

// The user's id inside an event's text, for the stores that have a column for it.
inline std::string user_of(const std::string &event) {
    static const std::string member = "\"userId\":\"";
    size_t start = event.find(member) + member.size();
    return event.substr(start, event.find('"', start) - start);
}

// Runs work(i) for every i below `count`, on all cores: everything is made before the clock starts.
template <class Work> void on_all_cores(size_t count, Work work) {
    std::atomic<size_t> next{0};
    std::vector<std::thread> threads;
    for (unsigned t = std::max(1u, std::thread::hardware_concurrency()); t; t--)
        threads.emplace_back([&] {
            for (size_t i; (i = next.fetch_add(1)) < count;) work(i);
        });
    for (auto &thread : threads) thread.join();
}

inline void wait_for_go() {
    puts("ready");
    fflush(stdout);
    for (int c; (c = getchar()) != '\n';)
        if (c == EOF) die("nobody said go");
}

// ---- what it took

// What this process has used so far.
struct Usage {
    double cpu;
    long peak_kib;
    static Usage now() {
        rusage u;
        getrusage(RUSAGE_SELF, &u);
        return {u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6, u.ru_maxrss};
    }
};

// `bytes` is the events' JSON; `times` has one entry a batch, in milliseconds.
inline void report(const Options &options, size_t bytes, double took, std::vector<double> times, Usage before) {
    const Usage after = Usage::now();
    std::sort(times.begin(), times.end());
    auto at = [&](double q) { return times[size_t(q * (times.size() - 1))]; };
    printf("{\"events\":%zu,\"bytes\":%zu,\"seconds\":%.6f,\"per_s\":%.0f,\"min_ms\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"client_cpu_s\":%.4f,\"client_grown_mib\":%.1f}\n",
           options.events, bytes, took, options.events / took, at(0), at(.5), at(.99), at(1), after.cpu - before.cpu,
           (after.peak_kib - before.peak_kib) / 1024.0);
}

// For libraries that block: one thread a connection, each with one batch in flight. `connect(i)` makes connection i,
// whose `store(batch)` returns when all of the batch is acknowledged.
template <class Connect> int drive(const Options &options, Connect connect) {
    std::vector<Batch> batches(options.batches());
    on_all_cores(batches.size(), [&](size_t i) { batches[i] = batch_of(options, i); });
    size_t bytes = 0;
    for (auto &batch : batches)
        for (auto &e : batch) bytes += e.size();

    std::atomic<size_t> next{0};
    std::vector<std::vector<double>> times(options.connections);
    std::latch ready(options.connections + 1), go(1);
    std::vector<std::thread> threads;
    for (size_t c = 0; c < options.connections; c++)
        threads.emplace_back([&, c] {
            auto connection = connect(c);
            ready.count_down();
            go.wait();
            for (size_t i; (i = next.fetch_add(1)) < batches.size();) {
                auto start = Clock::now();
                connection->store(batches[i]);
                times[c].push_back(seconds(Clock::now() - start) * 1e3);
            }
        });
    ready.arrive_and_wait();
    wait_for_go();
    const Usage before = Usage::now();
    const auto start = Clock::now();
    go.count_down();
    for (auto &thread : threads) thread.join();
    const double took = seconds(Clock::now() - start);
    std::vector<double> all;
    for (auto &t : times) all.insert(all.end(), t.begin(), t.end());
    report(options, bytes, took, std::move(all), before);
    return 0;
}
