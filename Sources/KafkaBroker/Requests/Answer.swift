internal import KafkaProtocol
internal import NIOCore

/// What goes back for a request, ready for the wire.
struct Answer: Sendable {
    enum Kind: Sendable {
        /// The pieces one behind the other, the length in front.
        case bytes([ByteBuffer])
        /// Nothing is answered.
        case none
        /// The connection is closed, as Kafka does where there is no answer to a request.
        case close(reason: String)
    }

    let kind: Kind
    /// Called when all is sent, or nobody wants it any more.
    var onDone: (@Sendable () -> Void)?

    static let none = Answer(kind: .none)
    static func close(_ reason: String) -> Answer { Answer(kind: .close(reason: reason)) }

    private init(kind: Kind) { self.kind = kind }

    /// - Parameter records: what stands in the places that the message says are elsewhere, in their order.
    init<Message: KafkaMessage>(_ message: Message, to header: RequestHeader, records: [ByteBuffer] = []) {
        do throws(KafkaProtocolError) {
            let writer = try message.answer(header.correlationID, version: header.version)
            kind = .bytes(Self.pieces(writer, records))
        } catch {
            kind = .close(reason: "an answer cannot be written: \(error)")
        }
    }

    private static func pieces(_ writer: FieldWriter, _ records: [ByteBuffer]) -> [ByteBuffer] {
        let total = writer.bytes.count + writer.splices.reduce(0) { $0 + $1.byteCount }
        var pieces: [ByteBuffer] = []
        var next = ByteBuffer()
        next.reserveCapacity(writer.bytes.count + 4)
        next.writeInteger(Int32(total))
        var done = 0
        for (splice, records) in zip(writer.splices, records) {
            precondition(splice.byteCount == records.readableBytes)
            next.writeBytes(writer.bytes[done..<splice.position])
            done = splice.position
            if splice.byteCount == 0 { continue }
            pieces += [next, records]
            next = ByteBuffer()
        }
        next.writeBytes(writer.bytes[done...])
        if next.readableBytes > 0 { pieces.append(next) }
        return pieces
    }
}
