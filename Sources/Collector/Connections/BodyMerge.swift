package import NIOCore

/// Joins small pieces of a body that came together. Each piece on its way to a route takes some 300 bytes, so a body in
/// chunks of one byte, six on the wire, would take fifty times its size.
package struct BodyMerge {
    /// Larger pieces are handed on as they are: copying would cost more than it saves.
    package static let pieceBytesMax = 1 << 10

    private var joined: ByteBuffer?

    package init() {}

    /// Adds a piece. Returns what is to be handed on before it.
    package mutating func add(_ piece: ByteBuffer) -> ByteBuffer? {
        guard joined != nil, piece.readableBytes <= Self.pieceBytesMax else {
            defer { joined = piece }
            return joined
        }
        joined?.writeImmutableBuffer(piece)
        return nil
    }

    /// What has not been handed on yet.
    package mutating func take() -> ByteBuffer? {
        defer { joined = nil }
        return joined
    }
}
