/// Reads values with all that they contain and point to, each once, and refuses what is malformed or without measure.
///
/// What has passed can be looked up by libmaxminddb in bounded time and on a bounded stack. The library steps over what it does
/// not look for, so a look costs as much as a value has members without their pointers followed: at most `valuesInOneMax`. And it
/// calls itself for each level of such a value, in 1.7 without a limit: at most `depthMax`.
struct MaxMindDataCheck: ~Copyable {
    /// GeoIP2's deepest values lie 5 deep.
    static let depthMax = 32
    /// A record of GeoIP2 Enterprise has about 200, names in eight languages included.
    static let valuesInOneMax = 1024

    private let section: UnsafeRawBufferPointer
    private var valuesLeft: Int
    /// A bit for each place of the section: whether the value that begins there has passed. Nil for a section whose pointers are
    /// followed each time, so that what they multiply is counted against `valuesMax`.
    private var passed: [UInt64]?

    /// - Parameter valuesMax: how many values may be read in all.
    init(_ section: UnsafeRawBufferPointer, valuesMax: Int, remembers: Bool) {
        self.section = section
        valuesLeft = valuesMax
        passed = remembers ? Array(repeating: 0, count: section.count / 64 + 1) : nil
    }

    /// Checks a value that others point to: a record of the search tree, or a pointer's target. One that points back to itself
    /// has not passed when it is met again, and is too deep in the end.
    mutating func checkTarget(at start: Int, depth: Int = 0) throws(EnrichmentError) {
        guard section.indices.contains(start) else { throw EnrichmentError("a pointer leads to \(start), beyond its section") }
        if let passed, passed[start >> 6] >> UInt64(start & 63) & 1 == 1 { return }
        var values = 0
        _ = try check(at: start, depth: depth, values: &values)
        passed?[start >> 6] |= 1 << UInt64(start & 63)
    }

    /// Checks the value at `start` and returns where the next one begins.
    ///
    /// - Parameter values: how many there are so far in the value that this one lies in.
    mutating func check(at start: Int, depth: Int, values: inout Int) throws(EnrichmentError) -> Int {
        values += 1
        valuesLeft -= 1
        guard values <= Self.valuesInOneMax, valuesLeft >= 0 else {
            throw EnrichmentError("the value at \(start) is one too many")
        }
        guard depth <= Self.depthMax else { throw EnrichmentError("the value at \(start) lies deeper than \(Self.depthMax)") }
        let value = try MaxMindValue(section, at: start)
        var place = value.end
        switch value.kind {
        case .map:
            for _ in 0..<value.size {
                place = try name(at: place).end
                place = try check(at: place, depth: depth + 1, values: &values)
            }
        case .array:
            for _ in 0..<value.size { place = try check(at: place, depth: depth + 1, values: &values) }
        case .pointer:
            _ = try resolved(at: start)
            try checkTarget(at: value.size, depth: depth + 1)
        default: break
        }
        return place
    }

    /// The name of a map's member: a text, or a pointer to one. And where the member's value begins.
    func name(at start: Int) throws(EnrichmentError) -> (text: UnsafeRawBufferPointer, end: Int) {
        let name = try resolved(at: start)
        guard name.kind == .text else { throw EnrichmentError("the name at \(start) is no text") }
        return (name.content(in: section), try MaxMindValue(section, at: start).end)
    }

    /// The value at `start`, or the one that it points to.
    func resolved(at start: Int) throws(EnrichmentError) -> MaxMindValue {
        let value = try MaxMindValue(section, at: start)
        guard value.kind == .pointer else { return value }
        let target = try MaxMindValue(section, at: value.size)
        guard target.kind != .pointer else { throw EnrichmentError("the pointer at \(start) leads to a pointer") }
        return target
    }
}
