/// Why what enriches events cannot be made: what is wrong, where, and what to do.
package struct EnrichmentError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}
