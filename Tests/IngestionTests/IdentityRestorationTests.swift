import Dispatch
import EventLog
import Ingestion
import TestSupport
import Testing

@Suite struct IdentityRestorationTests {
    private let topic = TopicName("t")!

    /// What each partition holds, in offset order; pieces of 1 to `pieceMax`.
    private struct Source: IdentitySource {
        let identityHasher = RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2))
        let partitions: [[StoredIdentity]]
        var pieceMax = 7
        var failsAt: Int?

        func identities(of partition: TopicPartition, since: UInt32) throws(LogError) -> any IdentityReader {
            let number = partition.partition.number
            return Reader(
                partitions[number].filter { $0.timestampSeconds >= since }, pieceMax, fails: failsAt == number,
                SeededGenerator(seed: UInt64(number)))
        }
    }

    private final class Reader: IdentityReader {
        private var left: ArraySlice<StoredIdentity>
        private let pieceMax: Int
        private let fails: Bool
        private var random: SeededGenerator

        init(_ all: [StoredIdentity], _ pieceMax: Int, fails: Bool, _ random: SeededGenerator) {
            left = all[...]
            self.pieceMax = pieceMax
            self.fails = fails
            self.random = random
        }

        func previous() throws(LogError) -> [StoredIdentity]? {
            if left.isEmpty && fails { throw LogError(.io, "it cannot be read") }
            if left.isEmpty { return nil }
            let piece = left.suffix(1 + Int(random.next() % UInt64(pieceMax)))
            left = left[..<piece.startIndex]
            return Array(piece)
        }
    }

    private func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        DispatchQueue.concurrentPerform(iterations: count, execute: body)
    }

    private struct Arrived: Equatable {
        let identity: RecordIdentity
        let partition: Int
        let offset: Int64
        let seconds: UInt32
    }

    /// As many records in each partition as `counts` says; of a hundred, `repeated` have the identity of another one.
    private func records(_ counts: [Int], repeated: UInt64 = 0, secondsMax: UInt64 = 3, seed: UInt64 = 1) -> [[StoredIdentity]] {
        var random = SeededGenerator(seed: seed)
        var known: [RecordIdentity] = []
        return counts.map { count in
            var seconds: UInt32 = 1000
            return (0..<count).map { offset in
                if random.next() % 5 == 0 { seconds += UInt32(random.next() % secondsMax) }
                var identity = RecordIdentity(high: random.next(), low: UInt32(truncatingIfNeeded: random.next()))
                if random.next() % 100 < repeated, !known.isEmpty { identity = known[Int(random.next() % UInt64(known.count))] }
                known.append(identity)
                return StoredIdentity(identity: identity, offset: Offset(Int64(offset * 3)), timestampSeconds: seconds)
            }
        }
    }

    /// Every identity once, where it came last, the oldest first: by second, partition, offset.
    private func arrivals(_ partitions: [[StoredIdentity]]) -> [Arrived] {
        let all = partitions.enumerated().flatMap { number, records in
            records.map {
                Arrived(identity: $0.identity, partition: number, offset: $0.offset.value, seconds: $0.timestampSeconds)
            }
        }.sorted { ($0.seconds, $0.partition, $0.offset) < ($1.seconds, $1.partition, $1.offset) }
        var seen: Set<RecordIdentity> = []
        return all.reversed().filter { seen.insert($0.identity).inserted }.reversed()
    }

    private func check(_ partitions: [[StoredIdentity]], entriesMax: Int, pieceMax: Int = 7, leaving: Int = 50) throws {
        var table = IdentityTable(entriesMax: entriesMax)
        let source = Source(partitions: partitions, pieceMax: pieceMax)
        try IdentityRestoration(from: source, topic: topic, partitionCount: partitions.count, since: 0)
            .fill(&table, concurrently: concurrently)
        let all = arrivals(partitions)
        let forgotten = all.prefix(max(0, all.count - entriesMax))
        var remembered = all[forgotten.endIndex...]
        #expect(table.count == remembered.count)
        // Not one expectation each: they are many.
        func found(_ arrived: Arrived) -> Bool {
            table.find(arrived.identity, cutoff: 0) == .stored(partition: arrived.partition, offset: arrived.offset)
        }
        #expect(remembered.allSatisfy(found))
        #expect(forgotten.allSatisfy { table.find($0.identity, cutoff: 0) == nil })
        if let oldest = remembered.first { #expect(table.reachSeconds(now: oldest.seconds + 10) == 10) }

        // The oldest leave first, in the order of arrival.
        for number in 0..<leaving as Range<Int> {
            let new = RecordIdentity(high: UInt64(number) << 58 | UInt64(number), low: UInt32(number))
            table.insert(new, .undecided, seconds: 1 << 30, cutoff: 0)
            #expect(table.find(new, cutoff: 0) == .undecided)
            if table.count + remembered.prefix(1).count > entriesMax, all.count + number + 1 > entriesMax {
                if let left = remembered.popFirst() { #expect(table.find(left.identity, cutoff: 0) == nil) }
            }
            if let oldest = remembered.first { #expect(found(oldest), "after \(number)") }
        }
        #expect(remembered.allSatisfy(found))
    }

    @Test(arguments: 1...20)
    func theNewestOfAllPartitionsAreRememberedAndTheOldestLeaveFirst(_ seed: UInt64) throws {
        for entriesMax in [1, 100, 999, 100_000] {
            try check(records([500, 0, 1, 900, 300], seed: seed), entriesMax: entriesMax)
            try check(records([0, 0], seed: seed), entriesMax: entriesMax, leaving: 0)
            try check(records([700], secondsMax: 100, seed: seed), entriesMax: entriesMax, pieceMax: 1)
        }
    }

    @Test(arguments: 1...10)
    func ofAnIdentityThatIsThereTwiceTheNewerOneCounts(_ seed: UInt64) throws {
        for entriesMax in [100, 800, 100_000] {
            try check(records([500, 30, 600], repeated: 30, seed: seed), entriesMax: entriesMax)
        }
    }

    /// More than what is put into the table at once, and one partition with nearly all of it.
    @Test func manyTurnsGiveTheSame() throws {
        try check(records([500_000, 3000, 150_000], repeated: 1), entriesMax: 600_000, pieceMax: 1024)
        try check(records([500_000, 3000, 150_000], secondsMax: 1), entriesMax: 1_000_000, pieceMax: 1024)
    }

    @Test func identitiesThatMeetInTheirSlotsStayApart() throws {
        // All of one shard, and of few homes there.
        let records = (0..<3000).map { number in
            StoredIdentity(
                identity: RecordIdentity(high: UInt64(number), low: UInt32(number % 8)), offset: Offset(Int64(number)),
                timestampSeconds: UInt32(number))
        }
        try check([records], entriesMax: 2000)
    }

    @Test func whatIsThereAlreadyStaysAndIsNewer() throws {
        var table = IdentityTable(entriesMax: 3)
        let partitions = records([10])
        table.insert(partitions[0][8].identity, .undecided, seconds: 5000, cutoff: 0)
        try IdentityRestoration(from: Source(partitions: partitions), topic: topic, partitionCount: 1, since: 0)
            .fill(&table, concurrently: concurrently)
        #expect(table.count == 3)
        #expect(table.find(partitions[0][8].identity, cutoff: 0) == .undecided)
        #expect(table.find(partitions[0][9].identity, cutoff: 0) == .stored(partition: 0, offset: 27))
        #expect(table.find(partitions[0][7].identity, cutoff: 0) == .stored(partition: 0, offset: 21))
        #expect(table.find(partitions[0][6].identity, cutoff: 0) == nil)
    }

    @Test func aPartitionThatCannotBeReadStopsIt() throws {
        for partition in 0..<3 {
            let source = Source(partitions: records([50, 50, 50]), failsAt: partition)
            var table = IdentityTable(entriesMax: 1000)
            let error = #expect(throws: LogError.self) {
                try IdentityRestoration(from: source, topic: topic, partitionCount: 3, since: 0)
                    .fill(&table, concurrently: concurrently)
            }
            #expect(error?.message == "it cannot be read")
        }
    }
}
