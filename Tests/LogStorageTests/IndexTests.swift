import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

@Suite struct IndexTests {
    @Test func anOffsetIndexFindsTheLastEntryNotBehindTheOffset() {
        var index = OffsetIndex()
        for entry in [(10, 0), (20, 5000), (30, 10_000)] {
            index.append(relativeOffset: Int32(entry.0), position: Int32(entry.1))
        }
        #expect(index.position(atOrBefore: 9) == nil)
        #expect(index.position(atOrBefore: 10)?.position == 0)
        #expect(index.position(atOrBefore: 29)?.position == 5000)
        #expect(index.position(atOrBefore: .max)?.position == 10_000)
    }

    @Test func indexBytesAreKafkas() {
        var offsets = OffsetIndex()
        offsets.append(relativeOffset: 258, position: 4097)
        #expect(offsets.encoded() == [0, 0, 1, 2, 0, 0, 0x10, 1])
        var times = TimeIndex()
        times.append(timestamp: 1_769_000_000_000, relativeOffset: 3)
        #expect(times.encoded() == [0, 0, 1, 0x9B, 0xE0, 0x9D, 0xDA, 0, 0, 0, 0, 3])
    }

    @Test func indexesThatCannotBeAreRefused() {
        #expect(OffsetIndex(decoding: [0, 0, 0, 1, 0, 0, 0, 0, 9], segmentBytes: 100) == nil, "a cut entry")
        #expect(OffsetIndex(decoding: Array(repeating: 0, count: 16), segmentBytes: 100) == nil, "entries that do not rise")
        #expect(OffsetIndex(decoding: [0, 0, 0, 1, 0, 0, 0, 100], segmentBytes: 100) == nil, "behind the segment's end")
        #expect(TimeIndex(decoding: Array(repeating: 0, count: 24)) == nil)
        #expect(TimeIndex(decoding: [1]) == nil)
    }

    @Test(arguments: 1...50)
    func indexesResumedAnywhereEqualThoseKeptFromTheBeginning(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var whole = SegmentIndexes()
        var batches: [(RecordBatchHeader, Int)] = []
        var (offset, position, time) = (Int64(1000), 0, Int64(0))
        for _ in 0..<60 {
            let count = Int32(1 + random.next() % 5)
            time += Int64(random.next() % 3)
            let length = Int32(100 + random.next() % 4000)
            let header = RecordBatchHeader(
                baseOffset: offset, batchLength: length, partitionLeaderEpoch: 0, attributes: 0, recordCount: count,
                baseTimestamp: time, maxTimestamp: time)
            whole.add(header, at: position, segmentBase: 1000)
            batches.append((header, position))
            offset = header.nextOffset
            position += header.totalBytes
        }
        let cut = 1000 + Int64(random.next() % UInt64(offset - 1000 + 1))
        guard
            let (resumed, entry) = SegmentIndexes.resuming(
                offsets: whole.offsets, times: whole.times, before: cut, segmentBase: 1000)
        else {
            #expect(whole.offsets.position(atOrBefore: Int32(cut - 1000 - 1)) == nil)
            return
        }
        var again = resumed
        for (header, place) in batches where place >= Int(entry.position) { again.add(header, at: place, segmentBase: 1000) }
        #expect(again.offsets == whole.offsets)
        #expect(again.times == whole.times)
        again.seal()
        whole.seal()
        #expect(again.times == whole.times)
    }

    @Test func recoveryPointsAreKafkasTextAndDamagedOnesAreNotBelieved() throws {
        var points = RecoveryPoints()
        points.offsets[TopicPartition(try #require(TopicName("b")), PartitionID(1))] = 7
        points.offsets[TopicPartition(try #require(TopicName("a")), PartitionID(10))] = 9
        #expect(String(decoding: points.encoded(), as: UTF8.self) == "0\n2\na 10 9\nb 1 7\n")
        #expect(RecoveryPoints(decoding: points.encoded()) == points)
        points.journalSequence = 12
        #expect(String(decoding: points.encoded(), as: UTF8.self) == "0\n3\n~journal 0 12\na 10 9\nb 1 7\n")
        #expect(RecoveryPoints(decoding: points.encoded()) == points)
        #expect(RecoveryPoints(decoding: Array("0\n1\n~journal 0 99999999999999999999\n".utf8)).journalSequence == 0)
        for cut in 0..<points.encoded().count {
            #expect(RecoveryPoints(decoding: Array(points.encoded()[..<cut])).offsets.isEmpty)
        }
        #expect(RecoveryPoints(decoding: Array("0\n1\na 1 -5\n".utf8)).offsets.isEmpty)
    }
}
