/// Why something that enriches events cannot start.
package struct EnrichmentError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
