#include "okla_re2.h"

#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <new>

// Of one expression's programs and their caches. RE2's own default is 8 MiB; a schema may have hundreds of patterns.
static const int64_t memory_max = 1 << 20;

struct okla_re2 {
    RE2 expression;
};

static void explain(char *reason, size_t size, const char *text) {
    if (size == 0) return;
    strncpy(reason, text, size - 1);
    reason[size - 1] = 0;
}

okla_re2 *okla_re2_create(const uint8_t *pattern, size_t length, char *reason, size_t reason_size) try {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(memory_max);
    std::unique_ptr<okla_re2> made(
        new okla_re2{{re2::StringPiece(reinterpret_cast<const char *>(pattern), length), options}});
    if (made->expression.ok()) return made.release();
    explain(reason, reason_size, made->expression.error().c_str());
    return nullptr;
} catch (const std::bad_alloc &) {
    explain(reason, reason_size, "no memory");
    return nullptr;
}

void okla_re2_destroy(okla_re2 *expression) { delete expression; }

bool okla_re2_matches(const okla_re2 *expression, const uint8_t *text, size_t length) {
    return RE2::PartialMatch(re2::StringPiece(reinterpret_cast<const char *>(text), length), expression->expression);
}
