package import NIOCore

/// One request's body as it comes in. A body in one piece, the common case, is never copied.
package struct BodyCollection {
    private let bytesMax: Int
    package private(set) var bytes = ByteBuffer()

    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Adds a piece; false where the body is longer than it may be.
    package mutating func add(_ piece: ByteBuffer) -> Bool {
        guard bytes.readableBytes + piece.readableBytes <= bytesMax else { return false }
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
        return true
    }
}
