internal import KafkaProtocol
internal import NIOCore

/// A request as it came.
struct Request: Sendable {
    let header: RequestHeader
    /// All of it but the length before it; the message begins at `bodyStart`.
    let bytes: ByteBuffer
    let bodyStart: Int
    let client: Client

    /// Who has sent it, and from where.
    struct Client: Sendable {
        let user: User
        let address: String
        /// How it has reached this broker, and will again.
        let broker: BrokerAddress
    }

    /// - Throws: where the bytes are no such message.
    func decode<Message: KafkaMessage>(_: Message.Type) throws(KafkaProtocolError) -> Message {
        try bytes.withUnsafeReadableBytes { bytes -> Result<Message, KafkaProtocolError> in
            do throws(KafkaProtocolError) {
                return .success(try Message(reading: bytes, at: bodyStart, version: header.version, isAll: false))
            } catch {
                return .failure(error)
            }
        }.get()
    }
}

/// Where clients find the broker.
package struct BrokerAddress: Sendable, Equatable {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}
