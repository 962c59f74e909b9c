// Batches as request bodies: a gzipped JSON array.
#pragma once
#include <libdeflate.h>

#include "load.hpp"

inline std::string gzip_body(const Batch &events) {
    std::string json = "[", body;
    for (auto &e : events) json.append(e).append(",");
    json.back() = ']';
    thread_local libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    body.resize(libdeflate_gzip_compress_bound(compressor, json.size()));
    body.resize(libdeflate_gzip_compress(compressor, json.data(), json.size(), body.data(), body.size()));
    return body;
}
