/// Finds a member name that stands twice in one object.
public enum RepeatedName {
    /// Objects up to this size are compared pair by pair; larger ones by hash, so that a hostile one costs no square.
    private static let pairwiseMax = 24

    public static func first(in object: JSONValue) -> UnsafeRawBufferPointer? {
        withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: pairwiseMax) { names in
            var count = 0
            // One bit for each name, by its length and ends: where it is not set yet, the name is new.
            var seen: UInt64 = 0
            for (key, _) in object.members {
                let name = key.stringBytes
                let bit = mark(name)
                if seen & bit != 0 {
                    for earlier in names[..<count] where earlier.holdsSameBytes(as: name) { return name }
                }
                guard count < pairwiseMax else { return firstByHash(in: object) }
                seen |= bit
                names[count] = name
                count += 1
            }
            return nil
        }
    }

    /// The same for the same name, and rarely for two.
    @inline(__always)
    private static func mark(_ name: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = name.baseAddress, name.count > 0 else { return 1 }
        var ends: UInt32
        if name.count >= 4 {
            let last = start.loadUnaligned(fromByteOffset: name.count &- 4, as: UInt32.self)
            ends = start.loadUnaligned(as: UInt32.self) ^ (last &<< 13 | last &>> 19)
        } else {
            ends = UInt32(name[0]) &<< 16 | UInt32(name[name.count &- 1])
        }
        ends &+= UInt32(truncatingIfNeeded: name.count)
        return 1 &<< UInt64((ends &* 0x9E37_79B1) &>> 26)
    }

    /// A name as messages show it: what a client sends may be as long as its body.
    public static func shown(_ name: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: name.prefix(shownBytesMax), as: UTF8.self)
        return name.count > shownBytesMax ? text + "..." : text
    }

    private static let shownBytesMax = 100

    private static func firstByHash(in object: JSONValue) -> UnsafeRawBufferPointer? {
        struct Name: Hashable {
            let bytes: UnsafeRawBufferPointer

            // `Hasher` is keyed anew in every process: names cannot be chosen to collide.
            func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
            static func == (a: Name, b: Name) -> Bool { a.bytes.holdsSameBytes(as: b.bytes) }
        }
        var seen: Set<Name> = []
        for (key, _) in object.members where !seen.insert(Name(bytes: key.stringBytes)).inserted {
            return key.stringBytes
        }
        return nil
    }
}
