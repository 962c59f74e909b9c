/// A record's place in its partition, counted from 0; never reused, never renumbered.
package struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: Int64

    package init(_ value: Int64) { self.value = value }

    package static let zero = Offset(0)

    package static func < (a: Offset, b: Offset) -> Bool { a.value < b.value }
    package static func + (offset: Offset, count: Int) -> Offset { Offset(offset.value + Int64(count)) }
    /// How many offsets lie from `b` up to, not including, `a`.
    package static func - (a: Offset, b: Offset) -> Int64 { a.value - b.value }

    package var description: String { String(value) }
}
