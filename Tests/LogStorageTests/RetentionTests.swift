import EventLog
import LogStorage
import TestSupport
import Testing

/// What goes because of its age, where the age is not known.
@Suite struct RetentionTests {
    private static let hour: Int64 = 3_600_000
    private static let noon: Int64 = 1_769_000_000_000

    /// Four segments of one batch each, an hour apart; three hours are kept.
    private func prepare() throws -> (log: SimulatedLog, bases: [Int64]) {
        var log = SimulatedLog()
        log.options.segmentBytes = 400
        log.options.segmentAgeMilliseconds = nil
        log.options.retentionAgeMilliseconds = 3 * Self.hour
        var random = SeededGenerator(seed: 8)
        let core = try log.open()
        for number in 0..<4 { log.append([random.text(390)], to: core, timestamp: Self.noon + Int64(number) * Self.hour) }
        let bases = core.partitions[0].segments.map(\.baseOffset)
        core.close()
        #expect(bases == [0, 1, 2, 3])
        return (log, bases)
    }

    private func bases(_ core: LogCore) -> [Int64] { core.partitions[0].segments.map(\.baseOffset) }

    @Test(arguments: ["garbage", "zeros", "a flipped bit", "a marker"])
    func aSegmentThatCannotBeReadGoesNoSoonerThanTheOneBehindIt(_ damage: String) throws {
        let (log, all) = try prepare()
        var random = SeededGenerator(seed: 9)
        let path = log.segment(0)
        var bytes = try #require(log.fileSystem.bytes(path))
        switch damage {
        case "garbage": bytes = bytes.map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case "zeros": bytes = bytes.map { _ in 0 }
        default: bytes[200] ^= 1
        }
        log.fileSystem.put(bytes, at: path)
        if damage == "a marker" { _ = try log.repair() }
        let core = try log.open()
        core.retain(now: Self.noon + 3 * Self.hour)
        #expect(bases(core) == all, "nothing is three hours old")
        // The first one's records were an hour older than the second one's, which is known.
        core.retain(now: Self.noon + 4 * Self.hour)
        #expect(bases(core) == all)
        core.retain(now: Self.noon + 4 * Self.hour + 1)
        #expect(bases(core) == [2, 3])
    }

    @Test func whereNoClosedSegmentCanBeReadAllStay() throws {
        let (log, all) = try prepare()
        for base in all.dropLast() { log.fileSystem.put(Array(repeating: 3, count: 500), at: log.segment(base)) }
        let core = try log.open()
        core.retain(now: Self.noon + 100 * Self.hour)
        #expect(bases(core) == all)
    }
}
