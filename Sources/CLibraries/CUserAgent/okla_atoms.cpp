#include "okla_atoms.h"

#include <algorithm>

namespace okla {

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

static bool is_ascii(const std::string &atom) {
    return std::all_of(atom.begin(), atom.end(), [](char c) { return uint8_t(c) < 0x80; });
}

Atoms::Atoms(const std::vector<std::string> &atoms) : atom_count(atoms.size()) {
    classify(atoms);
    states.resize(1);
    next.assign(classes, none);
    for (size_t number = 0; number < atoms.size(); number++) {
        if (!is_ascii(atoms[number])) {
            always.push_back(int(number));
            continue;
        }
        uint32_t state = 0;
        for (char c : atoms[number]) {
            const size_t place = size_t(state) * classes + byte_class[uint8_t(c)];
            if (next[place] == none) {
                next[place] = uint32_t(states.size());
                states.emplace_back();
                next.resize(next.size() + classes, none);
            }
            state = next[place];
        }
        states[state].atom = uint32_t(number);
    }
    // By breadth: what a state fails to is nearer to the root, so its row is complete already.
    std::vector<uint32_t> failure(states.size(), 0), queue;
    queue.reserve(states.size());
    for (uint32_t c = 0; c < classes; c++) {
        if (next[c] == none) next[c] = 0;
        else queue.push_back(next[c]);
    }
    for (size_t done = 0; done < queue.size(); done++) {
        const uint32_t state = queue[done], other = failure[state];
        states[state].shorter = states[other].atom != none ? other : states[other].shorter;
        for (uint32_t c = 0; c < classes; c++) {
            uint32_t &target = next[size_t(state) * classes + c];
            const uint32_t fallback = next[size_t(other) * classes + c];
            if (target == none) {
                target = fallback;
            } else {
                failure[target] = fallback;
                queue.push_back(target);
            }
        }
    }
    for (uint32_t &target : next) {
        if (states[target].atom != none || states[target].shorter != none) target |= atom_bit;
    }
}

void Atoms::classify(const std::vector<std::string> &atoms) {
    for (const auto &atom : atoms) {
        for (char c : atom) {
            const uint8_t byte = uint8_t(c);
            if (byte < 0x80 && byte_class[byte] == 0) byte_class[byte] = uint8_t(classes++);
        }
    }
    for (int byte = 'A'; byte <= 'Z'; byte++) byte_class[byte] = byte_class[lower(uint8_t(byte))];
}

std::vector<int> Atoms::find(std::string_view text) const {
    std::vector<int> found = always;
    std::vector<bool> seen(atom_count);
    uint32_t state = 0;
    for (size_t place = 0; place < text.size(); place++) {
        uint8_t byte = uint8_t(text[place]);
        // Two letters beyond ASCII are k and s for a pattern that ignores case: the Kelvin sign and the long s.
        if (byte == 0xE2 && text.substr(place, 3) == "\xE2\x84\xAA") byte = 'k', place += 2;
        else if (byte == 0xC5 && text.substr(place, 2) == "\xC5\xBF") byte = 's', place += 1;
        const uint32_t target = step(state, byte);
        state = target & ~atom_bit;
        if (target == state) continue;
        uint32_t at = states[state].atom != none ? state : states[state].shorter;
        // An atom that was seen before has been followed to the shorter ones before, so no text takes more than linear time.
        while (at != none && !seen[states[at].atom]) {
            seen[states[at].atom] = true;
            found.push_back(int(states[at].atom));
            at = states[at].shorter;
        }
    }
    return found;
}

}  // namespace okla
