import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization
import TestSupport
import Testing

@Suite struct EmbeddedLogTests {
    @Test func recordsComeBackInOrderAtTheirOffsetsAlsoAfterARestart() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        var expected: [[LogHarness.Read]] = [[], []]
        for number in 0..<300 {
            let receipt = await harness.append([(number % 2, "a\(number)"), (0, "b\(number)")], to: log)
            #expect(receipt.failures.isEmpty)
            for (partition, value, offset) in [
                (number % 2, "a\(number)", receipt.offsets[0]), (0, "b\(number)", receipt.offsets[1]),
            ] {
                #expect(offset == Int64(expected[partition].count))
                expected[partition].append(.init(offset: offset, timestamp: 1_769_000_000_000, value: value))
            }
        }
        for _ in 0..<2 {
            for partition in 0..<2 { #expect(try await harness.readAll(log, partition) == expected[partition]) }
            #expect(try await harness.readAll(log, 0, from: 217) == Array(expected[0][217...]))
            log.close()
            #expect(try harness.verify() == [])
            log = try harness.open()
            #expect(
                log.recovery.scannedBytes == harness.bytes(harness.segment(0, ".log")).count
                    + harness.bytes(harness.segment(0, ".log", partition: 1)).count || log.recovery.scannedBytes < 10_000)
        }
        log.close()
    }

    @Test func concurrentAppendsShareSyncs() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        let log = try harness.open()
        let before = harness.fileSystem.count(of: .sync)
        await withTaskGroup(of: AppendReceipt.self) { group in
            for number in 0..<400 { group.addTask { await harness.append([(0, "v\(number)")], to: log) } }
            for await receipt in group { #expect(receipt.failures.isEmpty) }
        }
        let syncs = harness.fileSystem.count(of: .sync) - before
        #expect(syncs < 400, "\(syncs) syncs for 400 appends")
        #expect(syncs > 0)
        #expect(try await harness.readAll(log, 0).map(\.offset) == Array(0..<400))
        log.close()
    }

    @Test func aCommitIsOneSyncHoweverManyPartitionsItGoesTo() async throws {
        let harness = LogHarness()
        harness.partitionCount = 40
        let log = try harness.open()
        // The journal's file is there afterwards.
        #expect(await harness.append((0..<40).map { ($0, "first") }, to: log).failures.isEmpty)
        let before = harness.fileSystem.count(of: .sync)
        for number in 0..<10 { #expect(await harness.append((0..<40).map { ($0, "v\(number)") }, to: log).failures.isEmpty) }
        #expect(harness.fileSystem.count(of: .sync) == before + 10)
        log.close()
    }

    @Test func appendsOfOneCommitAreCompressedTogether() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        let log = try harness.open()
        // Queued behind one another while the first is synced, so most share a batch.
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask { _ = await harness.append([(0, "{\"event\":\"vehicle_view\",\"n\":\(number)}")], to: log) }
            }
        }
        let single = try await harness.readAll(log, 0, maximumBytes: 1)
        #expect(single.count == 2000)
        let verified = try LogVerifier(
            LogDirectory(harness.directory.file("log")),
            meta: try LogInspector(LogDirectory(harness.directory.file("log"))).meta(), isInUse: true
        ).verify(harness.partition(0), keepsIdentities: true) { _ in }
        #expect(verified.records == 2000)
        #expect(verified.batches < 1000)
        log.close()
    }

    @Test func segmentsRollBySizeAndKeepTheirRecordsAndIndexes() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 5)
        var log = try harness.open()
        var expected: [String] = []
        for _ in 0..<60 {
            let values = (0..<4).map { _ in random.text(1500) }
            expected += values
            #expect(await harness.append(values.map { (0, $0) }, to: log).failures.isEmpty)
        }
        let bases = try log.log(of: harness.partition(0)).segments.map(\.baseOffset)
        #expect(bases.count > 3)
        #expect(try await harness.readAll(log, 0, maximumBytes: 20_000).map(\.value) == expected)
        for offset in stride(from: 0, to: expected.count, by: 7) {
            #expect(try await harness.readAll(log, 0, from: Int64(offset)).map(\.value) == Array(expected[offset...]))
        }
        log.close()
        #expect(try harness.verify() == [])
        log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.value) == expected)
        log.close()
    }

    @Test func anAgedSegmentIsFollowedByANewOneAndRetentionRemovesIt() async throws {
        let harness = LogHarness()
        harness.options.segmentAgeMilliseconds = 1000
        harness.options.retentionAgeMilliseconds = 5000
        harness.options.retentionIntervalMilliseconds = 20
        harness.options.checkpointIntervalMilliseconds = 20
        harness.partitionCount = 1
        var log = try harness.open()
        _ = await harness.append([(0, "old")], to: log)
        harness.clock.withLock { $0 += 2000 }
        try await until { try log.log(of: harness.partition(0)).segments.map(\.baseOffset) == [0, 1] }
        _ = await harness.append([(0, "new")], to: log)
        harness.clock.withLock { $0 += 4000 }
        try await until { try log.bounds(of: harness.partition(0)).start == Offset(1) }
        #expect(!FileManager.default.fileExists(atPath: harness.segment(0, ".log")))
        #expect(try await harness.readAll(log, 0, from: 1).map(\.value) == ["new"])
        await #expect(throws: LogError.self) { try await log.read(harness.partition(0), from: .zero, maximumBytes: 1) }
        log.close()
        log = try harness.open()
        #expect(try log.bounds(of: harness.partition(0)) == OffsetBounds(start: Offset(1), highWatermark: Offset(2)))
        log.close()
    }

    @Test func retentionBySizeKeepsAtLeastTheConfiguredBytes() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.options.retentionBytes = 150 << 10
        harness.options.retentionIntervalMilliseconds = 10
        harness.options.checkpointIntervalMilliseconds = 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 6)
        let log = try harness.open()
        for _ in 0..<100 {
            let value = random.text(6000)
            _ = await harness.append([(0, value)], to: log)
        }
        func total() throws -> Int {
            try log.log(of: harness.partition(0)).segments.reduce(0) { $0 + $1.readableBytes }
        }
        harness.clock.withLock { $0 += 1000 }
        try await until { try total() < (150 + 64) << 10 }
        #expect(try total() >= 150 << 10)
        log.close()
    }

    @Test func timesFindTheFirstRecordAtOrAfterThem() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 7)
        let log = try harness.open()
        var times: [Int64] = []
        var time: Int64 = 1000
        for _ in 0..<300 {
            time += Int64(random.next() % 4)
            times.append(time)
            let value = random.text(900)
            _ = await harness.append([(0, value)], to: log, timestamp: time)
        }
        for wanted in (990...time + 2) {
            let expected = times.firstIndex { $0 >= wanted }.map { Offset(Int64($0)) }
            #expect(try await log.offset(harness.partition(0), atOrAfter: wanted) == expected)
        }
        log.close()
    }

    @Test func aClockThatGoesBackDoesNotTakeTimestampsBack() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        var log = try harness.open()
        _ = await harness.append([(0, "a")], to: log, timestamp: 5000)
        _ = await harness.append([(0, "b")], to: log, timestamp: 4000)
        log.close()
        log = try harness.open()
        _ = await harness.append([(0, "c")], to: log, timestamp: 3000)
        #expect(try await harness.readAll(log, 0).map(\.timestamp) == [5000, 5000, 5000])
        log.close()
    }

    @Test func aSecondServiceIsRefusedAndToldWhoIsThere() throws {
        let harness = LogHarness()
        let log = try harness.open()
        let refusal = #expect(throws: LogError.self) { try harness.open() }
        #expect(refusal?.code == .locked)
        #expect(refusal?.message.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
        log.close()
        try harness.open().close()
    }

    @Test func theNumberOfPartitionsCannotChange() throws {
        let harness = LogHarness()
        try harness.open().close()
        harness.partitionCount = 3
        let refusal = #expect(throws: LogError.self) { try harness.open() }
        #expect(refusal?.code == .invalidArgument)
        #expect(refusal?.message.contains("Kafka.Partitions to 2") == true)
    }

    @Test func identitiesComeBackFromTheFilesAndFromTheLogAlone() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var log = try harness.open()
        for number in 0..<40 {
            _ = await harness.append((0..<100).map { (0, "id-\(number)-\($0)") }, to: log)
        }
        let expected = (0..<4000).map { number in
            Array("id-\(number / 100)-\(number % 100)".utf8).withUnsafeBytes { log.identityHasher.identity(of: $0) }
        }
        log.close()
        let files = try FileManager.default.contentsOfDirectory(atPath: harness.folder(0)).filter { $0.hasSuffix(".ids") }
        #expect(!files.isEmpty)
        for damage in 0..<4 {
            log = try harness.open()
            let found = try log.identities(of: harness.partition(0), since: 0).all()
            #expect(found.map(\.identity) == expected)
            #expect(found.map(\.offset.value) == Array(0..<4000))
            #expect(try log.identities(of: harness.partition(0), since: 1_769_000_001).all().isEmpty)
            log.close()
            for file in files {
                let path = "\(harness.folder(0))/\(file)"
                switch damage {
                case 0: try FileManager.default.removeItem(atPath: path)
                case 1: try harness.write([], to: path)
                case 2: try harness.write(harness.bytes(path).map { $0 ^ 0x40 }, to: path)
                default: break
                }
            }
        }
    }

    /// Also those that no start needs: somebody may have copied them at another time than the log.
    @Test(arguments: [[FileNames.indexSuffix, FileNames.timeIndexSuffix], [FileNames.identitiesSuffix], FileNames.cacheSuffixes])
    func aStartMendsTheCachesOfClosedSegments(_ suffixes: [String]) async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        harness.options.segmentBytes = 1500
        var log = try harness.open()
        for number in 0..<40 {
            _ = await harness.append([(0, "\(number) " + String(repeating: "x\(number)", count: 200))], to: log)
        }
        let bases = try log.log(of: harness.partition(0)).segments.map(\.baseOffset)
        #expect(bases.count > 2)
        log.close()
        var lost: [String: [UInt8]] = [:]
        for base in bases.dropLast() {
            for suffix in suffixes {
                let path = harness.segment(base, suffix)
                lost[path] = harness.bytes(path)
                try FileManager.default.removeItem(atPath: path)
            }
        }
        #expect(try !harness.verify().isEmpty)
        log = try harness.open()
        try await until { lost.allSatisfy { harness.bytes($0.key) == $0.value } }
        log.close()
        #expect(try harness.verify() == [])
    }

}

/// Waits until `condition` holds, a minute at most.
func until(_ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !condition() {
        if ContinuousClock.now > deadline { throw LogError(.io, "the awaited state did not come") }
        await Task.yield()
    }
}
