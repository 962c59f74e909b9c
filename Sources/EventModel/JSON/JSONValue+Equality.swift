extension JSONValue {
    /// Whether both are the same value as JSON Schema means it: numbers by their value, objects whatever the order of their members.
    /// Takes one off `steps` for every value looked at, and says no where none are left.
    func isEqual(to other: JSONValue, steps: inout Int) -> Bool {
        steps -= 1
        guard steps >= 0 else { return false }
        if let number = exactNumber { return number == other.exactNumber }
        guard kind == other.kind else { return false }
        switch kind {
        case .null, .integer, .unsignedInteger, .double: return true
        case .bool: return payload == other.payload
        case .string: return stringBytes.holdsSameBytes(as: other.stringBytes)
        case .array:
            var theirs = other.elements
            for element in elements {
                guard let their = theirs.next(), element.isEqual(to: their, steps: &steps) else { return false }
            }
            return theirs.next() == nil
        case .object:
            var count = 0
            for (key, value) in members {
                guard let their = other.member(named: key.stringBytes, steps: &steps),
                    value.isEqual(to: their, steps: &steps)
                else { return false }
                count += 1
            }
            return count == other.members.reduce(0) { count, _ in count + 1 }
        }
    }

    private func member(named name: UnsafeRawBufferPointer, steps: inout Int) -> JSONValue? {
        for (key, value) in members {
            steps -= 1
            if steps < 0 { return nil }
            if key.stringBytes.holdsSameBytes(as: name) { return value }
        }
        return nil
    }

    /// The same for values that are equal. `Hasher` is keyed anew in every process: values cannot be chosen to collide.
    var equalityHash: Int {
        var hasher = Hasher()
        if let number = exactNumber {
            switch number {
            case .whole(let value): hasher.combine(value)
            case .real(let value): hasher.combine(value)
            }
            return hasher.finalize()
        }
        hasher.combine(kind)
        switch kind {
        case .bool: hasher.combine(payload)
        case .string: hasher.combine(bytes: stringBytes)
        case .array: for element in elements { hasher.combine(element.equalityHash) }
        case .object:
            var sum = 0
            for (key, value) in members {
                var member = Hasher()
                member.combine(bytes: key.stringBytes)
                member.combine(value.equalityHash)
                sum &+= member.finalize()
            }
            hasher.combine(sum)
        default: break
        }
        return hasher.finalize()
    }
}
