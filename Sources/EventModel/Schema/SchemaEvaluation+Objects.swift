/// What applies to an object's members.
extension SchemaEvaluation {
    /// One pass over the members for `properties`, `patternProperties`, `additionalProperties` and `required`.
    mutating func members(_ rules: SchemaProgram.MemberRules, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        guard value.isObject else { return true }
        var isValid = true
        var missing = rules.requiredBits
        var ordinal = 0
        var guess = rules.names.first
        for (key, member) in value.members {
            let name = key.stringBytes
            var isKnown = false
            let place = program.memberName(rules, name, guess: guess)
            if place >= 0 {
                guess = place &+ 1
                let known = program.memberNames[Int(place)]
                missing &= ~known.requiredBit
                isKnown = known.isProperty
                if !keeps(member, to: known) { isValid = false }
            }
            if rules.patterns.count > 0, !matching(rules, name, member, &isKnown) { isValid = false }
            if !isKnown, rules.additional != SchemaProgram.noNode {
                isKnown = true
                if !apply(rules.additional, member, "additionalProperties") { isValid = false }
            }
            if isKnown { marks?.set(ordinal) }
            if !isValid && (Report.isSilent || report.isFull) { return false }
            ordinal += 1
        }
        guard missing != 0 else { return isValid }
        return failMissing(value, rules, missing)
    }

    @inline(__always)
    private mutating func keeps(_ member: JSONValue, to known: SchemaProgram.MemberName) -> Bool {
        guard known.kinds.contains(member) else { return failKind(member, known.kinds, "properties") }
        // Most values only have to be of a kind, not empty, or not negative.
        if known.node == SchemaProgram.noNode || known.sure.contains(member) { return true }
        guard known.rules >= 0 else { return evaluate(known.node, member) }
        steps -= 1
        guard steps >= 0 else { return false }
        return members(program.memberRules[Int(known.rules)], member, nil)
    }

    private mutating func matching(
        _ rules: SchemaProgram.MemberRules, _ name: UnsafeRawBufferPointer, _ member: JSONValue, _ isKnown: inout Bool
    ) -> Bool {
        var isValid = true
        for place in stride(from: rules.patterns.range.lowerBound, to: rules.patterns.range.upperBound, by: 2) {
            steps -= 1 + name.count / SchemaLimits.bytesPerStep
            guard steps >= 0 else { return false }
            guard program.patterns[Int(program.lists[place])].matches(name) else { continue }
            isKnown = true
            if !apply(program.lists[place + 1], member, "patternProperties") { isValid = false }
        }
        return isValid
    }

    mutating func memberCount(_ min: Int32, _ max: Int32, _ value: JSONValue) -> Bool {
        guard value.isObject else { return true }
        let count = value.memberCount
        if count < min { return fail(value, "minProperties", "must have at least \(SchemaWords.counted(min, "member"))") }
        return count <= max || fail(value, "maxProperties", "must have at most \(SchemaWords.counted(max, "member"))")
    }

    mutating func memberNames(_ node: Int32, _ value: JSONValue) -> Bool {
        for (key, _) in value.members where !quietly(node, key) {
            return fail(key, "propertyNames", "this name is not allowed here")
        }
        return true
    }

    mutating func dependentNames(_ name: Int32, _ names: SchemaProgram.List, _ value: JSONValue) -> Bool {
        guard value.isObject, member(name, of: value) != nil else { return true }
        var isValid = true
        for place in names.range where member(program.lists[place], of: value) == nil {
            if Report.isSilent { return false }
            let present = program.text(name)
            isValid = failMissing(value, program.lists[place], "dependentRequired", "is required beside \(present)")
        }
        return isValid
    }

    mutating func unevaluatedMembers(_ node: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        guard value.isObject, let marks else { return true }
        var isValid = true
        var ordinal = 0
        for (_, member) in value.members {
            if !marks.isSet(ordinal), !apply(node, member, "unevaluatedProperties") { isValid = false }
            marks.set(ordinal)
            ordinal += 1
        }
        return isValid
    }

    func member(_ name: Int32, of value: JSONValue) -> JSONValue? {
        for (key, member) in value.members where program.isText(name, key.stringBytes) { return member }
        return nil
    }

    private mutating func failMissing(_ value: JSONValue, _ rules: SchemaProgram.MemberRules, _ missing: UInt64) -> Bool {
        if Report.isSilent { return false }
        let names = rules.names.range.map { program.memberNames[$0] }
        // In the order of the schema.
        for known in names.filter({ $0.requiredBit & missing != 0 }).sorted(by: { $0.requiredBit < $1.requiredBit }) {
            _ = failMissing(value, known.text)
        }
        return false
    }
}
