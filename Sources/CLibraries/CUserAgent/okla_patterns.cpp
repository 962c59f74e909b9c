// RE2's prefilter with what it leaves to its user: finding the literals ("atoms") that the patterns need. A pattern is tried only
// where the text has the atoms it cannot match without, which leaves a few of a thousand.
#include "okla_patterns.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "okla_atoms.h"

namespace {

// What one pattern's program and the states that it makes while it searches may take, in bytes: all that hostile texts can make a
// list take. States beyond it are thrown away and made anew; where that happens too often, RE2 takes a slower algorithm, which is
// linear too. uap-core's largest pattern needs more than half of this. Its 1,162 patterns took 26 MB after its 30,661 strings and
// 29 MB after 20,000 texts of pieces of them; with RE2's own 8 MiB it was 145 and 232 MB, and no time was gained that counts.
constexpr int64_t pattern_memory_max = 256 << 10;

// The shortest atoms that count. Of 0 to 4, 2 was the fastest for uap-core's patterns: 20 microseconds for all three lists
// (28 with 3, for then some patterns have no atom left; 28 with 0).
constexpr int atom_bytes_min = 2;

RE2::Options options(bool ignores_case) {
    RE2::Options options;
    options.set_max_mem(pattern_memory_max);
    options.set_log_errors(false);
    options.set_case_sensitive(!ignores_case);
    return options;
}

void fill(okla_patterns_error *error, size_t pattern, const std::string &message) {
    error->pattern = pattern;
    std::snprintf(error->message, sizeof error->message, "%s", message.c_str());
}

}  // namespace

struct okla_patterns {
    re2::FilteredRE2 filtered{atom_bytes_min};
    std::unique_ptr<okla::Atoms> atoms;
};

okla_patterns *okla_patterns_create(const okla_pattern *list, size_t count, okla_patterns_error *error) try {
    if (count == 0 || count > OKLA_PATTERNS_COUNT_MAX) return fill(error, count, "no patterns, or too many"), nullptr;
    auto patterns = std::make_unique<okla_patterns>();
    size_t bytes = 0;
    for (size_t number = 0; number < count; number++) {
        const auto &pattern = list[number];
        bytes += pattern.length;
        if (bytes > OKLA_PATTERNS_BYTES_MAX) return fill(error, count, "the patterns together are too long"), nullptr;
        const re2::StringPiece text(pattern.text, pattern.length);
        int id;
        if (patterns->filtered.Add(text, options(pattern.ignores_case), &id) != RE2::NoError) {
            // The prefilter keeps no message.
            return fill(error, number, RE2(text, options(pattern.ignores_case)).error()), nullptr;
        }
    }
    std::vector<std::string> atoms;
    patterns->filtered.Compile(&atoms);
    patterns->atoms = std::make_unique<okla::Atoms>(atoms);
    return patterns.release();
} catch (const std::exception &caught) {
    return fill(error, count, caught.what()), nullptr;
}

void okla_patterns_destroy(okla_patterns *patterns) { delete patterns; }

int okla_patterns_first(const okla_patterns *patterns, const char *text, size_t length, okla_pattern_match *match) try {
    if (length > OKLA_PATTERNS_TEXT_BYTES_MAX) return -1;
    const re2::StringPiece piece(text, length);
    const std::vector<int> found = patterns->atoms->find({text, length});
    const int number = patterns->filtered.FirstMatch(piece, found);
    if (number < 0) return 0;
    const RE2 &pattern = patterns->filtered.GetRE2(number);
    re2::StringPiece groups[OKLA_PATTERNS_GROUPS_MAX];
    const int told = std::min(pattern.NumberOfCapturingGroups() + 1, OKLA_PATTERNS_GROUPS_MAX);
    if (!pattern.Match(piece, 0, length, RE2::UNANCHORED, groups, told)) return 0;
    match->pattern = uint32_t(number);
    for (int group = 0; group < OKLA_PATTERNS_GROUPS_MAX; group++) {
        const char *start = groups[group].data();
        if (!start) {
            match->groups[group] = {-1, -1};
            continue;
        }
        match->groups[group] = {int32_t(start - text), int32_t(start - text + groups[group].size())};
    }
    return 1;
} catch (const std::exception &) {
    return -1;
}
