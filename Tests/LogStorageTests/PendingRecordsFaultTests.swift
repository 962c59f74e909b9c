import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization
import TestSupport
import Testing

/// Records that wait in the journal where the segment alone has no room, a checkpoint or a reader comes in between, or the journal lies.
@Suite struct PendingRecordsFaultTests {
    private func open(_ harness: LogHarness, _ directory: String, _ fileSystem: any FileSystem) throws -> LogCore {
        try LogCore.open(
            LogDirectory(directory, fileSystem: fileSystem),
            topics: [TopicDefinition(name: harness.topic, partitionCount: 2, keepsIdentities: true)], options: harness.options,
            processID: 1, concurrently: { count, body in for number in 0..<count { body(number) } })
    }

    private func append(_ value: String, to core: LogCore, partition: Int = 0, now: Int64 = 1000) -> AppendReceipt {
        core.commit([LogContents.group([(partition, value)], timestamp: 5000, hasher: core.identityHasher)], now: now)[0]
    }

    private func values(_ core: LogCore, _ partition: Int = 0) throws -> [String] {
        try LogContents.read(core.partitions[partition], maximumBytes: 1 << 20).records.map(\.value)
    }

    /// Neither the journal's files nor the recovery point may pass what only the journal has, and nothing more is taken.
    @Test func aSegmentWithoutRoomHoldsTheJournalAndItsRecoveryPointAndEveryCommit() throws {
        let harness = LogHarness()
        harness.options.lingerMilliseconds = 100
        harness.options.journalFileBytes = 4096
        let path = harness.directory.file("log")
        let core = try open(harness, path, harness.fileSystem)
        #expect(append("first", to: core).offsets == [0])
        #expect(append("other", to: core, partition: 1).offsets == [0])
        harness.fileSystem.plan.withLock { $0.number = 28 }
        harness.fileSystem.fail(.write, path: "/t-0/")
        #expect(core.flush(now: 5000) == 5100)
        #expect(core.partitions[0].isPending() && !core.partitions[1].isPending() && core.troubles.isEmpty)
        // The journal has room.
        for partition in 0..<2 {
            #expect(append("refused", to: core, partition: partition, now: 5000).failures.map(\.code) == [.lowSpace])
        }
        let checkpoint = core.prepareCheckpoint()
        #expect(checkpoint.works.map(\.recoveryPoint) == [0, 1])
        #expect(!core.finishCheckpoint(checkpoint))
        // As after a crash now.
        let copy = harness.directory.file("copy")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        let after = try open(harness, copy, PosixFileSystem())
        #expect(try values(after) == ["first"] && values(after, 1) == ["other"] && after.troubles.isEmpty)
        after.close()

        harness.fileSystem.heal()
        #expect(append("second", to: core, now: 6000).offsets == [1])
        core.flushAll()
        #expect(try values(core) == ["first", "second"])
        #expect(core.finishCheckpoint(core.prepareCheckpoint()))
        core.close()
        #expect(try harness.verify() == [])
    }

    /// What a service moves from the journal to the segments while somebody looks is found there.
    @Test func dumpMissesNothingThatIsMovedMeanwhile() throws {
        var log = SimulatedLog(lingers: true)
        log.options.lingerMilliseconds = 1_000_000
        log.options.journalFileBytes = 4096
        let core = try log.open()
        for number in 0..<3 { log.append(["\(number)"], to: core) }
        let file = try #require(log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") })
        let hooked = HookedFileSystem(log.fileSystem, before: file) {
            #expect(core.finishCheckpoint(core.prepareCheckpoint()))
        }
        var values: [String] = []
        try LogInspector(LogDirectory("/log", fileSystem: hooked)).forEachRecord(
            of: TopicPartition(log.topic, PartitionID(0)), from: 0, to: .max,
            onHole: { offsets, _ in values.append("hole \(offsets)") }
        ) { values.append(String(decoding: $0.value!, as: UTF8.self)) }
        #expect(!log.fileSystem.paths.contains(file))
        #expect(values == ["0", "1", "2"])
    }

    @Test func anAgedSegmentIsFollowedByANewOneThoughRecordsWait() throws {
        var log = SimulatedLog(lingers: true)
        log.options.lingerMilliseconds = 1_000_000
        log.options.segmentAgeMilliseconds = 1000
        let core = try log.open()
        log.append(["old"], to: core, timestamp: 1000)
        core.flushAll()
        log.append(["waits"], to: core, timestamp: 5000)
        core.retain(now: 5000)
        #expect(core.partitions[0].segments.map(\.baseOffset) == [0, 2])
        #expect(try log.contents(core).records.map(\.value) == ["old", "waits"])
    }

    /// What is in the segments needs no room any more.
    @Test func whatWasWrittenIsNotCountedAsPending() throws {
        var log = SimulatedLog(lingers: true)
        log.options.lingerMilliseconds = 1_000_000
        log.options.batchBytes = 4000
        let core = try log.open()
        for _ in 0..<50 { log.append([String(repeating: "x", count: 5000)], to: core) }
        core.flushAll()
        log.fileSystem.setCapacity(log.fileSystem.usedBytes + 100_000)
        #expect(log.append(["next"], to: core) == [50])
    }

    /// Nothing is known of a segment whose sync failed, whatever the reason: no later try makes it good.
    @Test func aSyncThatFindsTheDiskFullStopsThePartition() throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 2000
        let core = try open(harness, harness.directory.file("log"), harness.fileSystem)
        var random = SeededGenerator(seed: 3)
        #expect(append(random.text(1500), to: core).offsets == [0])
        core.flushAll()
        #expect(append(random.text(1500), to: core).offsets == [1])
        harness.fileSystem.plan.withLock { $0.number = 28 }
        harness.fileSystem.fail(.sync, path: "/t-0/")
        core.flushAll()
        harness.fileSystem.heal()
        #expect(!core.partitions[0].state.isWritable)
        core.close()
        let after = try open(harness, harness.directory.file("log"), PosixFileSystem())
        #expect(try values(after).count == 2 && after.troubles.isEmpty)
        after.close()
    }

    /// Entries whose checksum is right and whose contents are not: somebody made them.
    @Test func entriesThatSaySomethingImpossibleEndNoReader() throws {
        var log = SimulatedLog(lingers: true)
        log.options.lingerMilliseconds = 1_000_000
        log.options.journalPieceBytes = 100
        let core = try log.open()
        log.append(["first", String(repeating: "y", count: 300)], to: core)
        log.append(["second"], to: core)
        log.fileSystem.restart(after: .kill)
        let files = log.files()
        let path = try #require(log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") })
        let whole = log.fileSystem.bytes(path)!
        let used = (4096..<8192).last { whole[$0] != 0 }!
        for place in 4096 + 24...used {
            for value in [0, 1, 0x7F, 0xFF] as [UInt8] where value != whole[place] {
                var bytes = whole
                bytes[place] = value
                let checksum = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[4104..<8192])) }
                withUnsafeBytes(of: checksum.littleEndian) {
                    for (number, byte) in $0.enumerated() { bytes[4100 + number] = byte }
                }
                log.restore(files)
                log.fileSystem.put(bytes, at: path)
                _ = try log.dump()
                _ = try log.verify()
            }
        }
    }
}
