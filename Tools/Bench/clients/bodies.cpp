// Writes batches as the floor and the HTTP client have them, for programs that are not made of C++: each a gzipped JSON array, and
// before it its length in 4 bytes, little-endian.
//
//   bodies FILE EVENTS BATCH CONNECTIONS FIRST seed=N
//
// CONNECTIONS means nothing here.
//
// links: -ldeflate
#include "gzip.hpp"

int main(int argc, char **argv) {
    Options options(argc, argv);
    std::vector<std::string> bodies(options.batches());
    on_all_cores(bodies.size(), [&](size_t i) { bodies[i] = gzip_body(batch_of(options, i)); });
    wait_for_go();
    FILE *file = fopen(options.target.c_str(), "w");
    if (!file) die("bodies: cannot open " + options.target);
    size_t bytes = 0;
    for (auto &body : bodies) {
        const uint32_t length = body.size();
        fwrite(&length, 4, 1, file);
        fwrite(body.data(), 1, body.size(), file);
        bytes += 4 + body.size();
    }
    if (ferror(file) | fclose(file)) die("bodies: cannot write " + options.target);
    printf("{\"events\":%zu,\"file_bytes\":%zu}\n", options.events, bytes);
    return 0;
}
