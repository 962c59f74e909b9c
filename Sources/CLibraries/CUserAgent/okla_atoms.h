// Finds which of many short strings ("atoms") are in a text, in one pass over it (Aho and Corasick 1975).
#ifndef OKLA_ATOMS_H
#define OKLA_ATOMS_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace okla {

class Atoms {
public:
    /// Atoms are in lower case. One with other than ASCII counts as found in every text, for only ASCII is lowered in texts.
    explicit Atoms(const std::vector<std::string> &atoms);

    /// The numbers of the atoms that are in `text` in any case, each once.
    std::vector<int> find(std::string_view text) const;

private:
    static constexpr uint32_t none = UINT32_MAX;
    /// In `next`: an atom ends with this step. So most bytes of a text need no look at the state itself.
    static constexpr uint32_t atom_bit = 1u << 31;

    struct State {
        uint32_t atom = none;    // the atom that ends here
        uint32_t shorter = none; // the next state on the way of failures where an atom ends
    };

    void classify(const std::vector<std::string> &atoms);
    uint32_t step(uint32_t state, uint8_t byte) const { return next[size_t(state) * classes + byte_class[byte]]; }

    // Bytes that no atom has are all in class 0, so a row of the table has as many columns as there are other bytes, and one.
    uint8_t byte_class[256] = {};
    uint32_t classes = 1;
    std::vector<State> states;
    std::vector<uint32_t> next;  // [state][class], with atom_bit
    std::vector<int> always;
    size_t atom_count;
};

}  // namespace okla
#endif
