package import EventLog
package import RecordFormat

/// A committed offset as a record of `__consumer_offsets`, as Kafka's brokers write it: key and value begin with the versions of their formats.
///
/// ```
/// key    version i16 = 1, group string, topic string, partition i32
/// value  version i16 = 3, offset i64, leaderEpoch i32, metadata string, commitTimestamp i64; none: the offset is forgotten
/// ```
/// Big-endian; a string has a length of 16 bits before it.
package struct OffsetRecord: Equatable {
    private static let keyVersion: Int16 = 1
    private static let valueVersion: Int16 = 3

    package let group: String
    package let partition: TopicPartition
    /// nil: it is forgotten.
    package let committed: GroupOffsets.Committed?

    /// Appends its `RecordBody`.
    package func append(to target: inout GrowableBytes) {
        var key = GrowableBytes()
        key.append(bigEndian: Self.keyVersion)
        key.append(text: group)
        key.append(text: partition.topic.text)
        key.append(bigEndian: Int32(partition.partition.number))
        RecordBody.appendField(key.bytes, to: &target)
        if let committed {
            var value = GrowableBytes()
            value.append(bigEndian: Self.valueVersion)
            value.append(bigEndian: committed.offset)
            value.append(bigEndian: committed.leaderEpoch)
            value.append(text: committed.metadata)
            value.append(bigEndian: committed.timestamp)
            RecordBody.appendField(value.bytes, to: &target)
        } else {
            RecordBody.appendAbsentField(to: &target)
        }
        RecordBody.appendHeaderCount(0, to: &target)
    }

    package init(group: String, partition: TopicPartition, committed: GroupOffsets.Committed?) {
        self.group = group
        self.partition = partition
        self.committed = committed
    }

    /// nil where a record is none of these.
    package init?(_ record: RecordView) {
        guard var key = record.key.map(Reader.init), key.integer(Int16.self) == Self.keyVersion, let group = key.text(),
            let topic = key.text().flatMap(TopicName.init), let number = key.integer(Int32.self), number >= 0
        else { return nil }
        self.group = group
        partition = TopicPartition(topic, PartitionID(Int(number)))
        guard var value = record.value.map(Reader.init) else {
            committed = nil
            return
        }
        guard value.integer(Int16.self) == Self.valueVersion, let offset = value.integer(Int64.self),
            let epoch = value.integer(Int32.self), let metadata = value.text(), let timestamp = value.integer(Int64.self)
        else { return nil }
        committed = GroupOffsets.Committed(offset: offset, leaderEpoch: epoch, metadata: metadata, timestamp: timestamp)
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var position = 0

        init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        mutating func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
            guard bytes.count - position >= MemoryLayout<Value>.size else { return nil }
            defer { position += MemoryLayout<Value>.size }
            return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
        }

        mutating func text() -> String? {
            guard let length = integer(Int16.self), length >= 0, bytes.count - position >= Int(length) else { return nil }
            defer { position += Int(length) }
            return String(validating: bytes[position..<position + Int(length)], as: UTF8.self)
        }
    }
}

extension GrowableBytes {
    fileprivate mutating func append(text: String) {
        append(bigEndian: Int16(clamping: text.utf8.count))
        append(utf8: text)
    }
}
