package import NIOCore

/// Divides what comes on one connection between us and the decoder: usual requests that take events (`UsualHead`) are read here, all
/// else is decoded. It does no I/O.
///
/// Invariants:
/// 1. Every byte comes out of `next` once, in a request of ours or for the decoder, in the order in which it came.
/// 2. A request is read here only where the decoder is between two requests: it has seen none, or the last byte that it was
///    given, which it gets alone, has ended one.
package struct UsualReader {
    package enum Step {
        case head(EventsRequest)
        case body(ByteBuffer)
        case end
        case decode(ByteBuffer)
    }

    private enum Place {
        case betweenRequests
        case body(missing: Int)
        case decoder
    }

    private let headBytesMax: Int
    private let fieldsMax: Int
    private var place = Place.betweenRequests

    package init(headBytesMax: Int, fieldsMax: Int) {
        self.headBytesMax = headBytesMax
        self.fieldsMax = fieldsMax
    }

    /// Whether a request of ours has begun and not ended.
    package var isInBody: Bool { if case .body = place { true } else { false } }

    /// Takes the next step off `bytes`; nil where nothing is left.
    package mutating func next(_ bytes: inout ByteBuffer) -> Step? {
        switch place {
        case .betweenRequests:
            guard bytes.readableBytes > 0 else { return nil }
            guard let head = head(bytes) else {
                place = .decoder
                return next(&bytes)
            }
            bytes.moveReaderIndex(forwardBy: head.byteCount)
            place = .body(missing: head.contentLength)
            return .head(head.request)
        case .body(missing: 0):
            place = .betweenRequests
            return .end
        case .body(let missing):
            guard bytes.readableBytes > 0, let piece = bytes.readSlice(length: min(missing, bytes.readableBytes)) else {
                return nil
            }
            place = .body(missing: missing - piece.readableBytes)
            return .body(piece)
        case .decoder:
            let count = bytes.readableBytes
            return count > 0 ? bytes.readSlice(length: max(1, count - 1)).map(Step.decode) : nil
        }
    }

    /// The last step, which was for the decoder, has ended a request there, and another may follow.
    package mutating func decoderEnded() { place = .betweenRequests }

    private func head(_ bytes: ByteBuffer) -> UsualHead? {
        bytes.withUnsafeReadableBytes { bytes in
            UsualHead(UnsafeRawBufferPointer(rebasing: bytes.prefix(headBytesMax)), fieldsMax: fieldsMax)
        }
    }
}
