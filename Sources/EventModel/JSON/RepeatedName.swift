/// Finds a member name that stands twice in one object.
package enum RepeatedName {
    /// Objects up to this size are compared pair by pair; larger ones by hash, so that a hostile one costs no square.
    private static let pairwiseMax = 24

    package static func first(in object: JSONValue) -> UnsafeRawBufferPointer? {
        withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: pairwiseMax) { names in
            var count = 0
            for (key, _) in object.members {
                let name = key.stringBytes
                for earlier in names[..<count] where earlier.count == name.count && equal(earlier, name) { return name }
                guard count < pairwiseMax else { return firstByHash(in: object) }
                names[count] = name
                count += 1
            }
            return nil
        }
    }

    private static func firstByHash(in object: JSONValue) -> UnsafeRawBufferPointer? {
        struct Name: Hashable {
            let bytes: UnsafeRawBufferPointer

            // `Hasher` is keyed anew in every process: names cannot be chosen to collide.
            func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
            static func == (a: Name, b: Name) -> Bool { equal(a.bytes, b.bytes) }
        }
        var seen: Set<Name> = []
        for (key, _) in object.members where !seen.insert(Name(bytes: key.stringBytes)).inserted {
            return key.stringBytes
        }
        return nil
    }

}

private func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool { a.elementsEqual(b) }
