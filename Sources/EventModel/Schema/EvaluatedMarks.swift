/// Which members or elements of one value some schema has looked at: what `unevaluatedProperties` and `unevaluatedItems` ask for.
struct EvaluatedMarks {
    private let words: UnsafeMutableBufferPointer<UInt64>

    /// Calls `body` with marks for `count` places, none of them set.
    static func with<Result>(_ count: Int, _ body: (EvaluatedMarks) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: (count + 63) / 64) { words in
            words.initialize(repeating: 0)
            return body(EvaluatedMarks(words: words))
        }
    }

    func isSet(_ place: Int) -> Bool { words[place >> 6] & 1 << UInt64(place & 63) != 0 }
    func set(_ place: Int) { words[place >> 6] |= 1 << UInt64(place & 63) }

    func add(_ other: EvaluatedMarks) {
        for place in words.indices { words[place] |= other.words[place] }
    }

    var capacity: Int { words.count * 64 }
}
