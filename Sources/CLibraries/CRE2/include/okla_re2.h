#ifndef OKLA_RE2_H
#define OKLA_RE2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled regular expression; any number of threads may match with it at once.
typedef struct okla_re2 okla_re2;

/// Compiles `pattern` (RE2's syntax, UTF-8). NULL: it was refused, and why stands in `reason` as text of at most `reason_size`
/// bytes, its end included. What it may take of memory is bounded.
okla_re2 *okla_re2_create(const uint8_t *pattern, size_t length, char *reason, size_t reason_size);
void okla_re2_destroy(okla_re2 *expression);

/// Whether it matches anywhere in `text` (UTF-8). Takes time in proportion to the text's length.
bool okla_re2_matches(const okla_re2 *expression, const uint8_t *text, size_t length);

#ifdef __cplusplus
}
#endif
#endif
