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
        let (firstName, firstSlot) = (memberNames.count, memberSlots.count)
        memberSlots += Array(repeating: -1, count: slotCount)
        for name in names {
            let mark = NameMark(text: String(decoding: texts[textRanges[Int(name.text)].range], as: UTF8.self))
            let slot = firstSlot + mark.slot(of: slotCount)
            memberNames.append(
                .init(
                    mark: mark, requiredBit: name.requiredBit, text: name.text, node: name.node, next: memberSlots[slot],
                    rules: -1, sure: .none, kinds: .all, isProperty: name.isProperty))
            memberSlots[slot] = Int32(memberNames.count - 1)
        }
        memberRules.append(
            .init(
                names: .init(first: Int32(firstName), count: Int32(names.count)),
                slots: .init(first: Int32(firstSlot), count: Int32(slotCount)), patterns: patterns, additional: additional,
                requiredBits: names.reduce(0) { $0 | $1.requiredBit }))
        return Int32(memberRules.count - 1)
    }

    /// The names of some rules, in their order.
    func names(of rules: SchemaProgram.MemberRules) -> [NamedRule] {
        memberNames[rules.names.range].map { known in
            NamedRule(text: known.text, node: known.node, isProperty: known.isProperty, requiredBit: known.requiredBit)
        }
    }

    // MARK: What can be told without a step

    /// To be called last: what most values need no look at their node for.
    mutating func finish() {
        for number in nodes.indices where nodes[number].hasInstructions {
            switch instructions[Int(nodes[number].end) - 1] {
            case .unevaluatedMembers, .unevaluatedElements: nodes[number].asksForMarks = true
            default: break
            }
        }
        for place in memberNames.indices where memberNames[place].node != SchemaProgram.noNode {
            let node = nodes[Int(memberNames[place].node)]
            memberNames[place].kinds = node.kinds
            memberNames[place].sure = sureMeasures(node)
            memberNames[place].rules = onlyMembers(node) ?? -1
            if !node.hasInstructions { memberNames[place].node = SchemaProgram.noNode }
        }
    }

    /// Of a node that asks for nothing but a length, or a range. A character takes one to four bytes.
    private func sureMeasures(_ node: SchemaProgram.Node) -> SchemaProgram.SureMeasures {
        guard node.end - node.first == 1 else { return .none }
        switch instructions[Int(node.first)] {
        case .textLength(let min, let max) where min < Int32.max / 4:
            return .init(min: min == 0 ? 0 : 4 * (min - 1) + 1, max: max, kind: .of(.string))
        case .range(let number):
            let range = numberRanges[Int(number)]
            guard range.exclusiveMin == nil, range.exclusiveMax == nil else { return .none }
            guard let min = Self.bound(range.min, otherwise: .min), let max = Self.bound(range.max, otherwise: .max) else {
                return .none
            }
            return .init(min: min, max: max, kind: .of(.integer))
        default: return .none
        }
    }

    private static func bound(_ number: JSONNumber?, otherwise: Int32) -> Int32? {
        switch number {
        case .whole(let value): Int32(exactly: value)
        case .real: nil
        case nil: otherwise
        }
    }

    /// The rules of a node that asks for nothing but members, wherever it is come to from.
    private func onlyMembers(_ node: SchemaProgram.Node) -> Int32? {
        guard dynamicAnchors.isEmpty, node.end - node.first == 1, case .members(let rules) = instructions[Int(node.first)] else {
            return nil
        }
        return rules
    }
}
