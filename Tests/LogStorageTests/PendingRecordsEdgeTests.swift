import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization
import TestSupport
import Testing

/// Where records that are not in the segments yet meet readers that are overtaken, the end of the log, a full disk, a damaged journal.
@Suite struct PendingRecordsEdgeTests {
    private func lingering(partitions: Int = 1, batchBytes: Int = 4000) -> SimulatedLog {
        var log = SimulatedLog(lingers: true)
        log.options.batchBytes = batchBytes
        log.options.lingerMilliseconds = 1_000_000
        log.partitionCount = partitions
        return log
    }

    @discardableResult
    private func append(_ value: String, to core: LogCore, of log: SimulatedLog, partition: Int = 0) -> AppendReceipt {
        log.commit(LogContents.group([(partition, value)], timestamp: 5000, hasher: core.identityHasher), to: core, now: 1000)
    }

    /// Three entries, of which a bit is flipped; the path of the journal's file.
    private func killedWithDamage(atByte position: Int, of log: SimulatedLog) throws -> String {
        let core = try log.open()
        for number in 0..<3 { append("value \(number)", to: core, of: log) }
        log.fileSystem.restart(after: .kill)
        let path = log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") }!
        var bytes = log.fileSystem.bytes(path)!
        bytes[position] ^= 1
        log.fileSystem.put(bytes, at: path)
        return path
    }

    /// A reader at the end of the log is overtaken by a commit.
    @Test func aReaderAtTheEndIsNeverToldThatTheDiskIsFull() async throws {
        let harness = LogHarness()
        harness.options.lingerMilliseconds = 3_600_000
        let log = try harness.open()
        let (isDone, failures) = (Box(false), Box<[String]>([]))
        let readers = (0..<4).map { _ in
            Task { @Sendable in
                while !isDone.value {
                    do {
                        let end = try log.bounds(of: harness.partition(0)).highWatermark
                        _ = try await log.read(harness.partition(0), from: end, maximumBytes: 1000)
                    } catch { failures.change { $0.append("\(error)") } }
                }
            }
        }
        for number in 0..<3000 { _ = await harness.append([(0, "\(number)")], to: log) }
        isDone.change { $0 = true }
        for reader in readers { await reader.value }
        #expect(failures.value.isEmpty, "\(failures.value.count): \(failures.value.first ?? "")")
        log.close()
    }

    @Test func whoReadsWhileTheLogClosesIsNotToldThatTheDiskIsFull() async throws {
        let failures = Box<[String]>([])
        for _ in 0..<100 {
            let harness = LogHarness()
            harness.options.lingerMilliseconds = 3_600_000
            let log = try harness.open()
            _ = await harness.append((0..<2).map { ($0, "value") }, to: log)
            let closing = OnThread { log.close() }
            let readers = (0..<20).map { _ in
                Task { @Sendable in
                    do { _ = try await log.read(harness.partition(0), from: Offset(0), maximumBytes: 1000) } catch {
                        failures.change { $0.append("\(error)") }
                    }
                }
            }
            closing.join()
            // Who asks when it is closed is answered too.
            for reader in readers { await reader.value }
        }
        #expect(!failures.value.contains { $0.contains("make room") }, "\(failures.value.count): \(failures.value.first ?? "")")
    }

    /// The service was killed while its disk was full, and is started again there.
    @Test func aStartOnAFullDiskNeedsNoOtherOneWhenThereIsRoom() throws {
        let log = lingering()
        var core = try log.open()
        append("first", to: core, of: log)
        log.fileSystem.restart(after: .kill)
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        core = try log.open()
        log.fileSystem.setCapacity(nil)
        #expect(core.troubles.isEmpty)
        #expect(append("second", to: core, of: log).offsets == [1])
        core.flushAll()
        #expect(try log.contents(core).records.map(\.value) == ["first", "second"])
    }

    /// The entries before and behind it are there, so this one was acknowledged.
    @Test func aDamagedEntryIsToldAlsoWhereNothingOfItsPartitionFollows() throws {
        let log = lingering(partitions: 2)
        var core = try log.open()
        #expect(append("lost", to: core, of: log, partition: 0).offsets == [0])
        #expect(append("kept", to: core, of: log, partition: 1).offsets == [0])
        log.fileSystem.restart(after: .kill)
        let path = log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") }!
        var bytes = log.fileSystem.bytes(path)!
        bytes[4096 + 50] ^= 1
        log.fileSystem.put(bytes, at: path)
        let warnings = Box<[String]>([])
        core = try LogCore.open(
            LogDirectory("/log", fileSystem: log.fileSystem),
            topics: [TopicDefinition(name: log.topic, partitionCount: 2, keepsIdentities: true)], options: log.options,
            processID: 1,
            concurrently: { count, body in for number in 0..<count { body(number) } },
            onWarning: { text in warnings.change { $0.append(text) } })
        #expect(core.partitions[1].bounds.highWatermark == Offset(1))
        #expect(!core.troubles.isEmpty || !warnings.value.isEmpty, "an acknowledged record is lost and nobody is told")
    }

    @Test func aJournalWhoseHeadIsDamagedIsToldAndKept() throws {
        let log = lingering()
        let path = try killedWithDamage(atByte: 20, of: log)
        let warnings = Box<[String]>([])
        let opened = try? LogCore.open(
            LogDirectory("/log", fileSystem: log.fileSystem),
            topics: [TopicDefinition(name: log.topic, partitionCount: 1, keepsIdentities: true)], options: log.options,
            processID: 1,
            concurrently: { count, body in for number in 0..<count { body(number) } },
            onWarning: { text in warnings.change { $0.append(text) } })
        #expect(opened == nil || !warnings.value.isEmpty)
        #expect(log.fileSystem.paths.contains { $0.hasPrefix(path) }, "the only copy is removed")
    }

    @Test func verifyTellsOfAnEntryThatIsDamaged() throws {
        let log = lingering()
        _ = try killedWithDamage(atByte: 2 * 4096 + 50, of: log)
        #expect(try log.dump().contains("hole 1..<2"))
        let result = try log.verify()
        #expect(!result.findings.isEmpty || !result.holes.isEmpty)
    }

    @Test func dumpBesideAServiceShowsNoHoleWhereNothingIsLost() throws {
        var log = lingering()
        log.options.journalFileBytes = 3 * 4096
        let core = try log.open()
        append("0", to: core, of: log)
        core.prepareJournalFile()
        append("1", to: core, of: log)
        #expect(core.finishCheckpoint(core.prepareCheckpoint()))
        core.prepareJournalFile()
        let files = log.fileSystem.paths.filter { $0.hasPrefix("/log/journal/") }
        #expect(files.count == 2)
        // Commits while the dump is between the two files.
        let hooked = HookedFileSystem(log.fileSystem, before: files[1]) { [self, log] in
            append("2", to: core, of: log)
            append("3", to: core, of: log)
        }
        var values: [String] = []
        try LogInspector(LogDirectory("/log", fileSystem: hooked)).forEachRecord(
            of: TopicPartition(log.topic, PartitionID(0)), from: 0, to: .max,
            onHole: { offsets, reason in values.append("hole \(offsets): \(reason)") }
        ) { values.append(String(decoding: $0.value!, as: UTF8.self)) }
        #expect(!values.contains { $0.hasPrefix("hole") }, "\(values)")
    }

    /// Where a partition has failed, or the disk is full, a look-up by time must not say that there is nothing.
    @Test(arguments: [5, 28] as [Int32])
    func aLookUpByTimeDoesNotPassOverWhatIsPending(_ number: Int32) async throws {
        let harness = LogHarness()
        harness.options.lingerMilliseconds = 3_600_000
        let log = try harness.open()
        _ = await harness.append([(0, "first")], to: log)
        harness.fileSystem.plan.withLock { $0.number = number }
        harness.fileSystem.fail(.write, path: "/t-0/")
        await #expect(throws: LogError.self) { try await log.read(harness.partition(0), from: Offset(0), maximumBytes: 100) }
        await #expect(throws: LogError.self) { try await log.offset(harness.partition(0), atOrAfter: 0) }
        harness.fileSystem.heal()
        log.close()
    }

    @Test func whatStandsTwiceInTheJournalIsShownOnce() throws {
        let log = lingering()
        let core = try log.open()
        for number in 0..<3 { append("value \(number)", to: core, of: log) }
        log.fileSystem.restart(after: .kill)
        let path = log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") }!
        log.fileSystem.put(log.fileSystem.bytes(path)!, at: "/log/journal/7.journal")
        #expect(try log.dump() == ["value 0", "value 1", "value 2"])
    }

    @Test func whatStandsTwiceInTheJournalEndsNoReader() throws {
        let log = lingering()
        let core = try log.open()
        for number in 0..<3 { append("value \(number)", to: core, of: log) }
        core.flushAll()
        append("value 3", to: core, of: log)
        core.flushAll()
        log.fileSystem.restart(after: .kill)
        let path = log.fileSystem.paths.first { $0.hasPrefix("/log/journal/") }!
        log.fileSystem.put(log.fileSystem.bytes(path)!, at: "/log/journal/7.journal")
        var bytes = log.fileSystem.bytes(log.segment(0))!
        bytes[80] ^= 1
        log.fileSystem.put(bytes, at: log.segment(0))
        #expect(try log.dump() == ["value 0", "value 1", "value 2", "value 3"])
    }

    /// What was overdue once leaves no mark: the next records wait as long as all others.
    @Test func afterAFullDiskRecordsWaitAsBefore() throws {
        var log = lingering()
        log.options.lingerMilliseconds = 100
        let core = try log.open()
        append("first", to: core, of: log)
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        _ = core.flush(now: 1100)
        #expect(core.partitions[0].isPending())
        log.fileSystem.setCapacity(nil)
        _ = core.flush(now: 1200)
        #expect(!core.partitions[0].isPending())
        let group = LogContents.group([(0, "second")], timestamp: 5000, hasher: core.identityHasher)
        #expect(log.commit(group, to: core, now: 5000).offsets == [1])
        #expect(core.partitions[0].isPending() && core.flush(now: 5000) == 5100)
    }
}

private final class Box<Value: Sendable>: Sendable {
    private let held: Mutex<Value>
    init(_ value: Value) { held = Mutex(value) }
    var value: Value { held.withLock { $0 } }
    func change(_ body: (inout sending Value) -> Void) { held.withLock { body(&$0) } }
}

private final class OnThread: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    init(_ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [done] in
            body(); done.signal()
        }
    }
    func join() { done.wait() }
}
