import EventLog
import KafkaBroker
import RecordFormat
import Testing

@Suite struct OffsetRecordTests {
    private let partition = TopicPartition(TopicName("orders")!, PartitionID(3))

    private func body(_ record: OffsetRecord) -> GrowableBytes {
        var bytes = GrowableBytes()
        record.append(to: &bytes)
        return bytes
    }

    /// As Kafka's brokers write them: key version 1, value version 3.
    @Test func itIsKafkasFormat() throws {
        let committed = GroupOffsets.Committed(offset: 258, leaderEpoch: 0, metadata: "ñ", timestamp: 1_700_000_000_000)
        let bytes = body(OffsetRecord(group: "g1", partition: partition, committed: committed))
        let view = try #require(RecordView(ofBody: bytes.bytes, offset: 0, timestamp: 0))
        #expect(Array(view.key!) == [0, 1, 0, 2] + Array("g1".utf8) + [0, 6] + Array("orders".utf8) + [0, 0, 0, 3])
        #expect(
            Array(view.value!) == [
                0, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 2, 0xC3, 0xB1, 0, 0, 1, 0x8B, 0xCF, 0xE5, 0x68, 0,
            ])
    }

    @Test func itIsReadAsItWasWritten() throws {
        let committed = GroupOffsets.Committed(offset: 7, leaderEpoch: -1, metadata: "", timestamp: 5)
        for record in [
            OffsetRecord(group: "g", partition: partition, committed: committed),
            OffsetRecord(group: "", partition: partition, committed: nil),
        ] {
            let bytes = body(record)
            #expect(OffsetRecord(try #require(RecordView(ofBody: bytes.bytes, offset: 0, timestamp: 0))) == record)
        }
    }

    @Test func otherRecordsAreNone() throws {
        for key in [[], [0], [0, 2, 0, 1, 0x67], [0, 1, 0, 9, 0x67], [0, 1, 0xFF, 0xFF]] as [[UInt8]] {
            var bytes = GrowableBytes()
            key.withUnsafeBytes { RecordBody.appendField($0, to: &bytes) }
            RecordBody.appendAbsentField(to: &bytes)
            RecordBody.appendHeaderCount(0, to: &bytes)
            #expect(OffsetRecord(try #require(RecordView(ofBody: bytes.bytes, offset: 0, timestamp: 0))) == nil)
        }
    }

    @Test func offsetsAreCounted() {
        var offsets = GroupOffsets()
        let committed = GroupOffsets.Committed(offset: 7, leaderEpoch: -1, metadata: "", timestamp: 5)
        offsets.set("g", partition, committed)
        offsets.set("g", partition, committed)
        offsets.set("h", partition, committed)
        #expect(offsets.count == 2 && offsets["g"] == [partition: committed])
        offsets.set("g", partition, nil)
        offsets.set("g", partition, nil)
        #expect(offsets.count == 1 && offsets["g"].isEmpty && offsets.groups.keys.sorted() == ["h"])
    }
}
