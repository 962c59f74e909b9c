package import NIOCore

/// Cuts what comes over a connection into requests: a length of four bytes, and so many bytes. No memory is taken on the word of a length, but
/// where `reserve` is called.
package struct RequestFrames {
    /// What the bytes so far say of the next request.
    package enum Next: Equatable {
        /// Not even its length.
        case unknown
        /// It has so many bytes, and they are there or not.
        case length(Int, isThere: Bool)
        /// It cannot be one.
        case refused(String)
    }

    /// A request has a header at least.
    private static let bytesMin = 8
    private static let lengthBytes = 4
    /// So many times its bytes a request may hold of memory while it comes.
    private static let wasteMax = 4

    private var buffered = ByteBuffer()

    package init() {}

    package mutating func append(_ bytes: ByteBuffer) {
        if buffered.readableBytes > 0 {
            buffered.writeImmutableBuffer(bytes)
        } else if bytes.readableBytes * Self.wasteMax >= bytes.storageCapacity {
            buffered = bytes
        } else {
            // A few bytes do not keep the memory of a large read.
            buffered = ByteBuffer(bytes: bytes.readableBytesView)
        }
    }

    package var isEmpty: Bool { buffered.readableBytes == 0 }

    package func next(bytesMax: Int) -> Next {
        guard let length = buffered.getInteger(at: buffered.readerIndex, as: Int32.self) else { return .unknown }
        guard (Self.bytesMin...bytesMax).contains(Int(length)) else {
            return .refused("a request of \(length) bytes, \(Self.bytesMin) to \(bytesMax) are taken")
        }
        return .length(Int(length), isThere: buffered.readableBytes >= Self.lengthBytes + Int(length))
    }

    /// Takes the memory of the next request at once, so that its bytes are not moved again and again while they come.
    package mutating func reserve(_ length: Int) { buffered.reserveCapacity(buffered.readerIndex + Self.lengthBytes + length) }

    /// Takes the next request, which is there, without its length.
    package mutating func take(_ length: Int) -> ByteBuffer {
        buffered.moveReaderIndex(forwardBy: Self.lengthBytes)
        guard let request = buffered.readSlice(length: length) else { preconditionFailure("the request is not there") }
        // Nothing of a request that is done stays in memory because of the next one.
        if buffered.readableBytes == 0 { buffered = ByteBuffer() } else { buffered.discardReadBytes() }
        return request
    }
}
