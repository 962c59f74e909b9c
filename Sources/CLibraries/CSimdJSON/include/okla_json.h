#ifndef OKLA_JSON_H
#define OKLA_JSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes that must be readable behind the text given to `okla_json_parse`.
#define OKLA_JSON_PADDING 64
/// The longest text; string positions must fit into 29 bits.
#define OKLA_JSON_TEXT_BYTES_MAX (64u << 20)

enum {
    OKLA_JSON_NULL,
    OKLA_JSON_BOOL,
    OKLA_JSON_INT64,
    OKLA_JSON_UINT64,
    OKLA_JSON_DOUBLE,
    OKLA_JSON_STRING,
    OKLA_JSON_ARRAY,
    OKLA_JSON_OBJECT
};

/// One value or member name, in the order of the text.
typedef struct {
    uint32_t start;  ///< source position of the first byte (a string's quote)
    uint32_t end;    ///< source position behind the last byte
    uint32_t next;   ///< number of the first node behind this one and all it contains
    uint32_t tag;    ///< low 3 bits: kind; the rest: bool 0/1, a number's place on the tape, a string's place, or a container's child nodes
} okla_json_node;

typedef struct {
    const okla_json_node *nodes;
    const uint8_t *strings;  ///< at a string's place: its length (4 bytes, native order), then its decoded UTF-8
    const uint64_t *tape;    ///< at a number's place: its 64 bits
    uint32_t count;          ///< nodes
} okla_json_view;

typedef struct okla_json_parser okla_json_parser;

/// A parser with its own memory, for one thread at a time. NULL: no memory, or depth_max above 1024.
okla_json_parser *okla_json_parser_create(uint32_t depth_max);
void okla_json_parser_destroy(okla_json_parser *parser);

/// Parses `length` bytes, behind which OKLA_JSON_PADDING more are readable. 0: `view` is filled and valid until the next
/// parse with this parser. Otherwise simdjson's error code; the parser stays usable.
int okla_json_parse(okla_json_parser *parser, const uint8_t *text, size_t length, okla_json_view *view);

#ifdef __cplusplus
}
#endif
#endif
