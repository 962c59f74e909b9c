// The bare floor: what the work costs on one core without network, HTTP, threads or promises. For every gzip batch:
// inflate, parse (with the project's own walk: simdjson's tape in step with its structural indexes, so every value has its
// place in the text), copy each event's bytes, LZ4 (one frame of independent 64 KiB blocks), CRC-32C, write(2).
//
//   floor FILE EVENTS BATCH CONNECTIONS FIRST
//
// It takes whole passes over the batches for at least a second and prints the CPU time of each stage. CONNECTIONS means nothing here.
//
// links: -llz4 -ldeflate -lsimdjson
#include <fcntl.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <string_view>

#include "gzip.hpp"
#include "okla_json.h"
extern "C" {
#include "okla_crc32c.h"
}

enum Stage { INFLATE, PARSE, COPY, LZ4, CRC, WRITE, STAGES };
static const char *const stage_names[] = {"inflate", "parse", "copy", "lz4", "crc32c", "write"};

static double thread_ns() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

class Pipeline {
public:
    double ns[STAGES] = {};
    size_t written = 0;

    explicit Pipeline(const std::string &path) {
        preferences.frameInfo.blockSizeID = LZ4F_max64KB, preferences.frameInfo.blockMode = LZ4F_blockIndependent;
        frame.resize(header_bytes + LZ4F_compressFrameBound(records.size(), &preferences));
        if ((file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0644)) < 0) die("floor: cannot open " + path);
        // Reading the clock is a system call; what it costs is taken off each stage.
        double best = 1e9;
        for (int i = 0; i < 1000; i++) {
            double start = thread_ns();
            best = std::min(best, thread_ns() - start);
        }
        clock_ns = best;
    }
    ~Pipeline() { close(file); }
    Pipeline(const Pipeline &) = delete;

    void forget() {
        std::fill(ns, ns + STAGES, 0);
        written = 0;
    }

    // Stores one batch, and leaves its events' text in `found`.
    void store(const std::string &gzip) {
        mark = thread_ns();
        size_t size = 0;
        if (libdeflate_gzip_decompress(inflater, gzip.data(), gzip.size(), text.data(), text.size() - OKLA_JSON_PADDING, &size)) die("floor: gzip");
        lap(INFLATE);

        okla_json_view view;
        if (okla_json_parse(parser, reinterpret_cast<const uint8_t *>(text.data()), size, &view)) die("floor: JSON");
        lap(PARSE);

        found.clear();
        char *end = records.data();
        for (uint32_t n = 1; n < view.count; n = view.nodes[n].next) {  // node 0 is the array
            uint32_t start = view.nodes[n].start, length = view.nodes[n].end - start;
            memcpy(end, &length, 4);
            memcpy(end + 4, text.data() + start, length);
            found.emplace_back(end + 4, length);
            end += 4 + length;
        }
        lap(COPY);

        size_t packed = LZ4F_compressFrame(frame.data() + header_bytes, frame.size() - header_bytes, records.data(), end - records.data(), &preferences);
        if (LZ4F_isError(packed)) die("floor: LZ4");
        lap(LZ4);

        uint32_t checksum = okla_crc32c(frame.data() + 21, header_bytes - 21 + packed);
        memcpy(frame.data() + 17, &checksum, 4);
        lap(CRC);

        if (write(file, frame.data(), header_bytes + packed) != ssize_t(header_bytes + packed)) die("floor: write");
        written += header_bytes + packed;
        lap(WRITE);
    }

    std::vector<std::string_view> found;

private:
    static constexpr size_t header_bytes = 61;  // of Kafka's record batch; its checksum stands at 17 and covers what is behind 21

    void lap(Stage stage) {
        double now = thread_ns();
        ns[stage] += now - mark - clock_ns;
        mark = now;
    }

    libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    okla_json_parser *parser = okla_json_parser_create(64);
    LZ4F_preferences_t preferences{};
    std::vector<char> text = std::vector<char>(4 << 20), records = std::vector<char>(4 << 20), frame;
    int file;
    double mark = 0, clock_ns = 0;
};

int main(int argc, char **argv) {
    Options options(argc, argv);
    std::vector<std::string> batches(options.batches());
    std::atomic<size_t> bytes{0};
    on_all_cores(batches.size(), [&](size_t i) {
        Batch events = batch_of(options, i);
        for (auto &e : events) bytes += e.size();
        batches[i] = gzip_body(events);
    });

    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &core);
    if (sched_setaffinity(0, sizeof core, &core)) fprintf(stderr, "floor: could not be pinned to one core\n");

    Pipeline pipeline(options.target);
    for (size_t i = 0; i < std::min<size_t>(batches.size(), 50); i++) {  // warm up, and see that nothing is lost
        pipeline.store(batches[i]);
        Batch events = batch_of(options, i);
        if (!std::equal(events.begin(), events.end(), pipeline.found.begin(), pipeline.found.end())) die("floor: the events came out changed");
    }
    pipeline.forget();
    wait_for_go();

    std::vector<double> times;
    size_t events = 0;
    const auto start = Clock::now();
    do {
        for (auto &batch : batches) {
            auto begun = Clock::now();
            pipeline.store(batch);
            times.push_back(seconds(Clock::now() - begun) * 1e3);
        }
        events += options.events;
    } while (seconds(Clock::now() - start) < 1);
    const double took = seconds(Clock::now() - start);

    std::sort(times.begin(), times.end());
    double total = 0;
    printf("{\"events\":%zu,\"seconds\":%.6f,\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"json_bytes_per_event\":%.1f,\"bytes_per_event\":%.1f,\"ns\":{", events,
           took, events / took, times[times.size() / 2], times[(times.size() - 1) * 99 / 100], double(bytes) / options.events, double(pipeline.written) / events);
    for (int s = 0; s < STAGES; s++) {
        printf("\"%s\":%.1f,", stage_names[s], pipeline.ns[s] / events);
        total += pipeline.ns[s];
    }
    printf("\"total\":%.1f}}\n", total / events);
    return 0;
}
