#ifndef OKLA_PATTERNS_H
#define OKLA_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Groups of a match, the whole of it (number 0) included; a pattern may have more, which are not told.
#define OKLA_PATTERNS_GROUPS_MAX 10
/// The longest text that is searched. A search takes some memory for each of its bytes.
#define OKLA_PATTERNS_TEXT_BYTES_MAX 65536u
/// Patterns of one list, and bytes of all of them. The literals to look for are in the patterns, so this bounds the automaton, too.
#define OKLA_PATTERNS_COUNT_MAX 10000u
#define OKLA_PATTERNS_BYTES_MAX (4u << 20)

typedef struct {
    const char *text;  ///< a regular expression in RE2's syntax, UTF-8
    size_t length;
    bool ignores_case;
} okla_pattern;

/// A group of a match, in bytes from the start of the text. Both -1: the group took no part.
typedef struct {
    int32_t start;
    int32_t end;
} okla_group;

typedef struct {
    uint32_t pattern;  ///< the number of the first pattern of the list that matches
    okla_group groups[OKLA_PATTERNS_GROUPS_MAX];
} okla_pattern_match;

/// What okla_patterns_create could not take.
typedef struct {
    size_t pattern;     ///< its number; as many as there are patterns: not one of them but all of them together
    char message[256];  ///< in RE2's words, ends with 0, may be cut
} okla_patterns_error;

typedef struct okla_patterns okla_patterns;

/// Compiles an ordered list of patterns. NULL: `error` is filled.
okla_patterns *okla_patterns_create(const okla_pattern *patterns, size_t count, okla_patterns_error *error);
void okla_patterns_destroy(okla_patterns *patterns);

/// Finds the first pattern, in the order of the list, that matches anywhere in the text. 1: `match` is filled. 0: none matches.
/// -1: no memory, or a text that is too long. Any number of threads may search in the same list at once.
int okla_patterns_first(const okla_patterns *patterns, const char *text, size_t length, okla_pattern_match *match);

#ifdef __cplusplus
}
#endif
#endif
