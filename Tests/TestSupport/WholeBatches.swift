package import EventLog
package import RecordFormat

/// Batches as a Kafka client makes them.
package enum WholeBatches {
    package struct Batch: Sendable {
        package let topic: TopicHandle
        package let partition: Int
        /// Each record's value, which is its messageId too, and its time.
        package let records: [(value: String, timestamp: Int64)]
        /// nil: its producer is not idempotent.
        package let producer: (id: Int64, epoch: Int16, sequence: Int32)?

        package init(
            _ topic: TopicHandle, _ partition: Int, _ records: [(value: String, timestamp: Int64)],
            producer: (id: Int64, epoch: Int16, sequence: Int32)? = nil
        ) {
            self.topic = topic
            self.partition = partition
            self.records = records
            self.producer = producer
        }

        /// Appends it, as it comes over the wire.
        package func append(to bytes: inout GrowableBytes) -> RecordBatchHeader {
            var builder = RecordBatchBuilder()
            for (value, timestamp) in records {
                var body = GrowableBytes()
                Array(value.utf8).withUnsafeBytes { value in
                    RecordBody.appendAbsentField(to: &body)
                    RecordBody.appendField(value, to: &body)
                    RecordBody.appendHeaderCount(1, to: &body)
                    RecordBody.appendHeader("messageId", value, to: &body)
                }
                builder.append(body: body.bytes, timestamp: timestamp)
            }
            let start = bytes.count
            var header = builder.finish(baseOffset: 0, partitionLeaderEpoch: -1, codec: .lz4, appendingTo: &bytes)
            if let producer {
                (header.producerID, header.producerEpoch, header.baseSequence) = (producer.id, producer.epoch, producer.sequence)
                header.seal(bytes.base + start, byteCount: header.totalBytes)
            }
            return header
        }
    }

    /// - Parameter hasher: with it, the records' identities are given.
    package static func group(_ batches: [Batch], timestamp: Int64, hasher: RecordIdentityHasher? = nil) -> BatchGroup {
        var bytes = GrowableBytes()
        var entries: [BatchGroup.Entry] = []
        for batch in batches {
            let start = bytes.count
            let header = batch.append(to: &bytes)
            let identities = hasher.map { hasher in
                batch.records.map { record in Array(record.value.utf8).withUnsafeBytes { hasher.identity(of: $0) } }
            }
            entries.append(
                BatchGroup.Entry(
                    topic: batch.topic, partition: Int32(batch.partition), start: start, header: header,
                    identities: identities ?? []))
        }
        return BatchGroup(bytes, entries: entries, timestamp: timestamp)
    }
}
