internal import CRabbitMQ

/// Understands what a broker sends to a publisher, frame by frame: an account without I/O.
struct RabbitMQFrames {
    enum Event: Equatable {
        /// Nothing, or not all of it yet.
        case nothing
        case settled(tag: UInt64, isMultiple: Bool, isTaken: Bool)
        /// A message that reached no queue, by its id.
        case returned(id: [UInt8])
        /// The broker has closed the channel or the connection.
        case closed(String)
    }

    /// Why the broker takes nothing; nil: it does.
    private(set) var blocked: String?
    /// The id of a message that is being returned, and how much of its body is to come.
    private var returning: (id: [UInt8], bytesLeft: UInt64)?
    private var isReturning = false

    /// - Parameter frame: as the library gives it; it need not be kept.
    mutating func take(_ frame: amqp_frame_t) -> Event {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD: return take(frame.payload.method)
        case AMQP_FRAME_HEADER:
            guard isReturning else { return .nothing }
            let header = frame.payload.properties
            let id =
                header.decoded.map { Self.bytes($0.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee.message_id) }
                ?? []
            returning = (id, header.body_size)
            return finishReturning(0)
        case AMQP_FRAME_BODY: return isReturning ? finishReturning(UInt64(frame.payload.body_fragment.len)) : .nothing
        default: return .nothing
        }
    }

    private mutating func finishReturning(_ byteCount: UInt64) -> Event {
        guard let message = returning else { return .nothing }
        let left = message.bytesLeft - min(byteCount, message.bytesLeft)
        returning = (message.id, left)
        if left > 0 { return .nothing }
        (returning, isReturning) = (nil, false)
        return .returned(id: message.id)
    }

    private mutating func take(_ method: amqp_method_t) -> Event {
        switch method.id {
        case UInt32(okla_rabbitmq_ack):
            let ack = method.decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .settled(tag: ack.delivery_tag, isMultiple: ack.multiple != 0, isTaken: true)
        case UInt32(okla_rabbitmq_nack):
            let nack = method.decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .settled(tag: nack.delivery_tag, isMultiple: nack.multiple != 0, isTaken: false)
        case UInt32(okla_rabbitmq_return): isReturning = true
        case UInt32(okla_rabbitmq_blocked):
            blocked = Self.text(method.decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee.reason)
        case UInt32(okla_rabbitmq_unblocked): blocked = nil
        default: if let reason = Self.reason(of: method) { return .closed(reason) }
        }
        return .nothing
    }

    /// What the broker says where it closes something; nil where that is not what the method is about.
    static func reason(of method: amqp_method_t) -> String? {
        switch method.id {
        case UInt32(okla_rabbitmq_channel_close):
            text(method.decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee.reply_text)
        case UInt32(okla_rabbitmq_connection_close):
            text(method.decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee.reply_text)
        default: nil
        }
    }

    private static func bytes(_ bytes: amqp_bytes_t) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len))
    }
    private static func text(_ text: amqp_bytes_t) -> String { String(decoding: bytes(text), as: UTF8.self) }
}
