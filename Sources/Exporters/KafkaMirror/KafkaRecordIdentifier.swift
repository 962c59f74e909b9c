internal import CRdKafka
internal import EventLog
internal import Glibc
internal import RecordFormat

/// Tells records apart by key, value and headers, here and in a cluster. The time is left out: a topic may put its own in its place
/// (`message.timestamp.type`).
struct KafkaRecordIdentifier: ~Copyable {
    private var body = GrowableBytes()
    private let hasher: RecordIdentityHasher

    init(_ hasher: RecordIdentityHasher) { self.hasher = hasher }

    mutating func identity(of record: RecordView) -> RecordIdentity {
        begin(record.key, record.value)
        record.forEachHeader { name, value in
            append(name)
            append(value)
        }
        return hasher.identity(of: body.bytes)
    }

    mutating func identity(of message: UnsafePointer<rd_kafka_message_t>) -> RecordIdentity {
        begin(
            Self.field(message.pointee.key, message.pointee.key_len), Self.field(message.pointee.payload, message.pointee.len))
        var headers: OpaquePointer?
        if rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR {
            var place = 0
            var (name, value, count): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
            while rd_kafka_header_get_all(headers, place, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR, let name {
                append(UnsafeRawBufferPointer(start: name, count: strlen(name)))
                append(Self.field(value, count))
                place += 1
            }
        }
        return hasher.identity(of: body.bytes)
    }

    private mutating func begin(_ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?) {
        body.removeAll()
        append(key)
        append(value)
    }

    private mutating func append(_ field: UnsafeRawBufferPointer?) {
        if let field { RecordBody.appendField(field, to: &body) } else { RecordBody.appendAbsentField(to: &body) }
    }

    private static func field(_ start: UnsafeRawPointer?, _ count: Int) -> UnsafeRawBufferPointer? {
        start.map { UnsafeRawBufferPointer(start: $0, count: count) }
    }
}
