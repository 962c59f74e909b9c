/// A program while it is compiled.
struct SchemaTables {
    var nodes: [SchemaProgram.Node] = []
    var instructions: [SchemaProgram.Instruction] = []
    var lists: [Int32] = []
    /// Names and texts, one behind the other.
    var texts: [UInt8] = []
    var textRanges: [SchemaProgram.List] = []
    var memberRules: [SchemaProgram.MemberRules] = []
    var memberSlots: [Int32] = []
    var memberNames: [SchemaProgram.MemberName] = []
    var patterns: [SchemaPattern] = []
    var numberRanges: [SchemaProgram.NumberRange] = []
    var multiples: [SchemaProgram.Multiple] = []
    var constants: [JSONValue] = []
    /// What the constants stand in.
    var documents: [JSONDocument] = []
    /// For each name of a dynamic anchor, the node that has it in each resource, or `noNode`.
    var dynamicAnchors: [[Int32]] = []
    var dynamicAnchorNames: [ExactText] = []

    /// A name of `properties`, or one that is only required.
    struct NamedRule {
        let text: Int32
        var node: Int32
        var isProperty: Bool
        var requiredBit: UInt64
    }

    /// Makes the rules for an object's members, and returns their number.
    mutating func addMemberRules(_ names: [NamedRule], patterns: SchemaProgram.List, additional: Int32) -> Int32 {
        var slotCount = names.isEmpty ? 0 : 1
        while slotCount < 2 * names.count { slotCount *= 2 }
        let firstSlot = memberSlots.count
        memberSlots += Array(repeating: -1, count: slotCount)
        for name in names {
            let range = textRanges[Int(name.text)]
            let mark = NameMark(text: String(decoding: texts[range.range], as: UTF8.self))
            let slot = firstSlot + mark.slot(of: slotCount)
            memberNames.append(
                .init(
                    text: name.text, start: range.first, mark: mark, kinds: .all, node: name.node, isProperty: name.isProperty,
                    requiredBit: name.requiredBit, next: memberSlots[slot]))
            memberSlots[slot] = Int32(memberNames.count - 1)
        }
        memberRules.append(
            .init(
                slots: .init(first: Int32(firstSlot), count: Int32(slotCount)), patterns: patterns, additional: additional,
                requiredBits: names.reduce(0) { $0 | $1.requiredBit }))
        return Int32(memberRules.count - 1)
    }

    /// The names of some rules.
    func names(of rules: SchemaProgram.MemberRules) -> [NamedRule] {
        rules.slots.range.flatMap { slot in
            sequence(first: memberSlots[slot]) { memberNames[Int($0)].next }.prefix { $0 >= 0 }.map { place in
                let known = memberNames[Int(place)]
                return NamedRule(
                    text: known.text, node: known.node, isProperty: known.isProperty, requiredBit: known.requiredBit)
            }
        }
    }
}
