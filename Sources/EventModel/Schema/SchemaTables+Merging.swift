/// Most schemas say what their own members are and refer to another one for those that all have. What both say of a member is put
/// into one rule here, so that the members are gone through once.
extension SchemaTables {
    mutating func mergeReferences() {
        // Where a way into a schema is remembered, it has to be gone.
        guard dynamicAnchors.isEmpty else { return }
        for number in nodes.indices { merge(number) }
    }

    private mutating func merge(_ number: Int) {
        var own = Array(instructions[Int(nodes[number].first)..<Int(nodes[number].end)])
        guard !own.contains(where: Self.asksForMarks) else { return }
        for place in own.indices {
            guard case .reference(let target) = own[place], let theirs = onlyMembers(target), isPlain(theirs) else { continue }
            guard let ours = own.firstIndex(where: { Self.members($0) != nil }), let rules = Self.members(own[ours]),
                isPlain(rules),
                let merged = merged(rules, theirs)
            else { continue }
            own[ours] = .members(merged)
            own.remove(at: place)
            nodes[number].first = Int32(instructions.count)
            instructions += own
            nodes[number].end = Int32(instructions.count)
            return
        }
    }

    private static func asksForMarks(_ instruction: SchemaProgram.Instruction) -> Bool {
        switch instruction {
        case .unevaluatedMembers, .unevaluatedElements: true
        default: false
        }
    }

    private static func members(_ instruction: SchemaProgram.Instruction) -> Int32? {
        if case .members(let rules) = instruction { rules } else { nil }
    }

    /// The rules of a node that says nothing but what members are.
    private func onlyMembers(_ number: Int32) -> Int32? {
        let node = nodes[Int(number)]
        guard node.kinds == .all, node.end - node.first == 1 else { return nil }
        return Self.members(instructions[Int(node.first)])
    }

    private func isPlain(_ rules: Int32) -> Bool {
        memberRules[Int(rules)].patterns.count == 0 && memberRules[Int(rules)].additional == SchemaProgram.noNode
    }

    private mutating func merged(_ ours: Int32, _ theirs: Int32) -> Int32? {
        let (own, other) = (memberRules[Int(ours)], memberRules[Int(theirs)])
        let ownBits = own.requiredBits.nonzeroBitCount
        guard ownBits + other.requiredBits.nonzeroBitCount <= 64 else { return nil }
        // In their order, which is that of the events.
        var names = self.names(of: other)
        for place in names.indices {
            // Their bits behind ours; one name never has both.
            names[place].requiredBit = ownBits == 64 ? 0 : names[place].requiredBit << UInt64(ownBits)
        }
        for name in self.names(of: own) {
            guard let place = names.firstIndex(where: { $0.text == name.text }) else {
                names.append(name)
                continue
            }
            if name.requiredBit != 0 { names[place].requiredBit = name.requiredBit }
            if names[place].isProperty && name.isProperty {
                guard let both = both(name.node, names[place].node) else { return nil }
                names[place].node = both
            } else if name.isProperty {
                names[place].node = name.node
                names[place].isProperty = true
            }
        }
        return addMemberRules(names, patterns: own.patterns, additional: own.additional)
    }

    /// A node that asks for what both ask for.
    private mutating func both(_ a: Int32, _ b: Int32) -> Int32? {
        let (first, second) = (nodes[Int(a)], nodes[Int(b)])
        let all = instructions[Int(first.first)..<Int(first.end)] + instructions[Int(second.first)..<Int(second.end)]
        guard !all.contains(where: Self.asksForMarks) else { return nil }
        var node = first
        node.kinds = first.kinds.intersection(second.kinds)
        // Nothing would be left but `false`, which neither of them says.
        guard node.kinds != .none || first.kinds == .none || second.kinds == .none else { return nil }
        node.first = Int32(instructions.count)
        instructions += all
        node.end = Int32(instructions.count)
        nodes.append(node)
        return Int32(nodes.count - 1)
    }
}
