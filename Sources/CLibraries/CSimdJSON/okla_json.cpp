// simdjson's DOM, flattened. Its tape has every value in order but not where it stood in the text; its structural
// indexes have the positions of `{ } [ ] : ,` and of each scalar's first byte. Both are in the order of the text, so
// one walk over the two in step gives every value's kind and source range.
#include "okla_json.h"

#include <simdjson.h>

#include <memory>
#include <new>
#include <vector>

struct okla_json_parser {
    simdjson::dom::parser dom;
    std::vector<okla_json_node> nodes;
    uint32_t depth_max;
    std::unique_ptr<uint32_t[]> open;  // the containers around the current value
};

okla_json_parser *okla_json_parser_create(uint32_t depth_max) {
    if (depth_max == 0 || depth_max > 1024) return nullptr;
    auto *p = new (std::nothrow) okla_json_parser;
    if (!p) return nullptr;
    p->depth_max = depth_max;
    p->open.reset(new (std::nothrow) uint32_t[depth_max + 1]);
    if (!p->open) return delete p, nullptr;
    return p;
}

void okla_json_parser_destroy(okla_json_parser *parser) { delete parser; }

int okla_json_parse(okla_json_parser *p, const uint8_t *text, size_t length, okla_json_view *view) try {
    if (length > OKLA_JSON_TEXT_BYTES_MAX) return simdjson::CAPACITY;
    if (length > p->dom.capacity() || p->dom.max_depth() != p->depth_max) {
        size_t room = length < 65536 ? 65536 : length;
        if (auto error = p->dom.allocate(room, p->depth_max)) return error;
    }
    if (auto error = p->dom.parse(text, length, false).error()) return error;

    const uint64_t *tape = p->dom.doc.tape.get();
    const uint32_t *at = p->dom.implementation->structural_indexes.get();
    const uint64_t tape_end = tape[0] & simdjson::internal::JSON_VALUE_MASK;  // place behind the closing root
    // A value needs at least one structural index, so there are never more nodes than indexes.
    size_t most = p->dom.implementation->n_structural_indexes;
    if (p->nodes.size() < most) p->nodes.resize(most + most / 2);
    okla_json_node *nodes = p->nodes.data();
    uint32_t *open = p->open.get();
    okla_json_node *node = nodes;  // the next one
    uint32_t depth = 0;

    for (const uint64_t *word = tape + 1, *end = tape + tape_end - 1; word < end; word++) {
        const uint32_t start = *at++;
        const uint8_t type = uint8_t(*word >> 56);
        if (type == '"') {
            node->tag = uint32_t(*word) << 3 | OKLA_JSON_STRING;
        } else if (type == '{' || type == '[') {
            node->start = start;
            node->tag = type == '{' ? OKLA_JSON_OBJECT : OKLA_JSON_ARRAY;
            open[depth++] = uint32_t(node++ - nodes);
            continue;
        } else if (type == '}' || type == ']') {
            const uint32_t opened = open[--depth];
            nodes[opened].end = start + 1;
            nodes[opened].next = uint32_t(node - nodes);
            nodes[opened].tag |= (uint32_t(node - nodes) - opened - 1) << 3;
            const uint8_t behind = text[*at];
            at += (behind == ',');
            continue;
        } else {
            switch (type) {
            // A number takes two words; the second has its bits.
            case 'l': node->tag = uint32_t(++word - tape) << 3 | OKLA_JSON_INT64; break;
            case 'u': node->tag = uint32_t(++word - tape) << 3 | OKLA_JSON_UINT64; break;
            case 'd': node->tag = uint32_t(++word - tape) << 3 | OKLA_JSON_DOUBLE; break;
            case 't': node->tag = 1 << 3 | OKLA_JSON_BOOL; break;
            case 'f': node->tag = OKLA_JSON_BOOL; break;
            default: node->tag = OKLA_JSON_NULL; break;
            }
        }
        node->start = start;
        // A scalar ends before the next structural character, spaces aside, which are all there is below '!' outside a string.
        const uint32_t next = *at;
        uint32_t behind = next;
        while (text[behind - 1] <= ' ') behind--;
        node->end = behind;
        node++;
        node[-1].next = uint32_t(node - nodes);
        at += (text[next] == ',') | (text[next] == ':');
    }
    const uint32_t count = uint32_t(node - nodes);
    *view = {nodes, p->dom.doc.string_buf.get(), tape, count};
    return 0;
} catch (const std::bad_alloc &) {
    return simdjson::MEMALLOC;
}
