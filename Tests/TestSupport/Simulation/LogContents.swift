package import EventLog
package import LogStorage
internal import RecordFormat

/// Writing and reading of a `LogCore` as a client sees it.
package enum LogContents {
    package struct Record: Equatable, Sendable {
        package let offset: Int64
        package let timestamp: Int64
        package let value: String
    }

    /// A group of records `(partition, value)`, each with its value as messageId too.
    ///
    /// - Parameter place: the topic and the partition that a number means.
    package static func group(
        _ records: [(partition: Int, value: String)], timestamp: Int64, hasher: RecordIdentityHasher,
        place: (Int) -> (topic: TopicHandle, partition: Int) = { (TopicHandle(index: 0), $0) }
    ) -> RecordGroup {
        var group = RecordGroupBuilder(timestamp: timestamp)
        for (partition, value) in records {
            let start = group.bodies.count
            Array(value.utf8).withUnsafeBytes { bytes in
                RecordBody.appendAbsentField(to: &group.bodies)
                RecordBody.appendField(bytes, to: &group.bodies)
                RecordBody.appendHeaderCount(1, to: &group.bodies)
                RecordBody.appendHeader("messageId", bytes, to: &group.bodies)
                _ = group.close(
                    from: start, topic: place(partition).topic, partition: place(partition).partition,
                    identity: hasher.identity(of: bytes))
            }
        }
        return RecordGroup(group)
    }

    /// Everything that a partition serves, checksums checked, the offsets of the holes in between, and the bytes of it all; not what
    /// is pending.
    package static func read(
        _ log: PartitionLog, maximumBytes: Int
    ) throws -> (records: [Record], holes: [Range<Int64>], byteCount: Int) {
        var records: [Record] = []
        var holes: [Range<Int64>] = []
        var byteCount = 0
        var next = log.bounds.start
        var reader = RecordBatchReader()
        while true {
            if log.isPending(next) { return (records, holes, byteCount) }
            let bytes = try log.read(from: next, maximumBytes: maximumBytes)
            if bytes.isEmpty { return (records, holes, byteCount) }
            try bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < bytes.count {
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[position...])
                    let header = try RecordBatchReader.checkedHeader(batch)
                    if header.isControlBatch { holes.append(max(header.baseOffset, next.value)..<header.nextOffset) }
                    try reader.forEachRecord(in: batch, header: header) { record in
                        guard record.offset >= next.value else { return }
                        records.append(
                            Record(
                                offset: record.offset, timestamp: record.timestamp,
                                value: String(decoding: record.value!, as: UTF8.self)))
                    }
                    position += header.totalBytes
                    byteCount += header.totalBytes
                    next = Offset(header.nextOffset)
                }
            }
        }
    }
}
