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

static bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

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
    uint32_t count = 0, depth = 0;

    for (uint64_t i = 1; i + 1 < tape_end; i++) {
        while (text[*at] == ',' || text[*at] == ':') at++;
        uint32_t start = *at++;
        const uint64_t word = tape[i], payload = word & simdjson::internal::JSON_VALUE_MASK;
        const char type = char(word >> 56);
        if (type == '}' || type == ']') {
            okla_json_node &container = nodes[p->open[--depth]];
            container.end = start + 1;
            container.next = count;
            container.tag |= (count - p->open[depth] - 1) << 3;
            continue;
        }
        okla_json_node &node = nodes[count];
        node.start = start;
        if (type == '{' || type == '[') {
            node.tag = type == '{' ? OKLA_JSON_OBJECT : OKLA_JSON_ARRAY;
            p->open[depth++] = count++;
            continue;
        }
        // A scalar ends before the next structural character, spaces aside; each byte is looked at once.
        uint32_t end = *at;
        while (is_space(text[end - 1])) end--;
        node.end = end;
        node.next = ++count;
        switch (type) {
        case '"': node.tag = uint32_t(payload) << 3 | OKLA_JSON_STRING; break;
        case 'l': node.tag = uint32_t(++i) << 3 | OKLA_JSON_INT64; break;
        case 'u': node.tag = uint32_t(++i) << 3 | OKLA_JSON_UINT64; break;
        case 'd': node.tag = uint32_t(++i) << 3 | OKLA_JSON_DOUBLE; break;
        case 't': node.tag = 1 << 3 | OKLA_JSON_BOOL; break;
        case 'f': node.tag = OKLA_JSON_BOOL; break;
        default: node.tag = OKLA_JSON_NULL; break;
        }
    }
    *view = {nodes, p->dom.doc.string_buf.get(), tape, count};
    return 0;
} catch (const std::bad_alloc &) {
    return simdjson::MEMALLOC;
}
