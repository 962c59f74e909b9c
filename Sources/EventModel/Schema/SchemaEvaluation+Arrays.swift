/// What applies to an array's elements.
extension SchemaEvaluation {
    mutating func elements(
        _ first: SchemaProgram.List, _ rest: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?
    ) -> Bool {
        guard value.isArray else { return true }
        var isValid = true
        var ordinal = 0
        for element in value.elements {
            let isFirst = ordinal < first.count
            let node = isFirst ? program.lists[first.range.lowerBound + ordinal] : rest
            if node != SchemaProgram.noNode {
                if !apply(node, element, isFirst ? "prefixItems" : "items") { isValid = false }
                marks?.set(ordinal)
            }
            if !isValid && (Report.isSilent || report.isFull) { return false }
            ordinal += 1
        }
        return isValid
    }

    mutating func contains(
        _ node: Int32, _ min: Int32, _ max: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?
    ) -> Bool {
        guard value.isArray else { return true }
        var found = 0
        var ordinal = 0
        for element in value.elements {
            if quietly(node, element) {
                found += 1
                marks?.set(ordinal)
            }
            ordinal += 1
        }
        if found < min {
            return fail(value, "contains", "must hold at least \(SchemaWords.counted(min, "element")) of the form asked for here")
        }
        return found <= max
            || fail(value, "contains", "must hold at most \(SchemaWords.counted(max, "element")) of the form asked for here")
    }

    mutating func elementCount(_ min: Int32, _ max: Int32, _ value: JSONValue) -> Bool {
        guard value.isArray else { return true }
        let count = value.elementCount
        if count < min { return fail(value, "minItems", "must have at least \(SchemaWords.counted(min, "element"))") }
        return count <= max || fail(value, "maxItems", "must have at most \(SchemaWords.counted(max, "element"))")
    }

    mutating func uniqueElements(_ value: JSONValue) -> Bool {
        guard value.isArray else { return true }
        let count = value.elementCount
        guard count > 1 else { return true }
        let repeated = withUnsafeTemporaryAllocation(of: HashedElement.self, capacity: count) { hashes -> JSONValue? in
            var place = 0
            for element in value.elements {
                hashes.initializeElement(at: place, to: HashedElement(hash: element.equalityHash, element: element))
                place += 1
            }
            var hashes = hashes
            hashes.sort { $0.hash < $1.hash }
            steps -= count
            for (place, hashed) in hashes.enumerated() {
                var other = place + 1
                while other < count, hashes[other].hash == hashed.hash {
                    if hashed.element.isEqual(to: hashes[other].element, steps: &steps) { return hashes[other].element }
                    other += 1
                }
            }
            return nil
        }
        if let repeated { return fail(repeated, "uniqueItems", "stands more than once in the list") }
        return steps >= 0
    }

    private struct HashedElement {
        let hash: Int
        let element: JSONValue
    }

    mutating func unevaluatedElements(_ node: Int32, _ value: JSONValue, _ marks: EvaluatedMarks?) -> Bool {
        guard value.isArray, let marks else { return true }
        var isValid = true
        var ordinal = 0
        for element in value.elements {
            if !marks.isSet(ordinal), !apply(node, element, "unevaluatedItems") { isValid = false }
            marks.set(ordinal)
            ordinal += 1
        }
        return isValid
    }
}
