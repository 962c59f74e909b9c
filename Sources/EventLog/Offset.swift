/// A record's place in its partition, counted from 0; never reused, never renumbered.
public struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: Int64

    public init(_ value: Int64) { self.value = value }

    public static let zero = Offset(0)

    public static func < (a: Offset, b: Offset) -> Bool { a.value < b.value }
    public static func + (offset: Offset, count: Int) -> Offset { Offset(offset.value + Int64(count)) }
    /// How many offsets lie from `b` up to, not including, `a`.
    public static func - (a: Offset, b: Offset) -> Int64 { a.value - b.value }

    public var description: String { String(value) }
}
