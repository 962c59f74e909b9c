internal import EventLog
internal import LogStorage
internal import RecordFormat

/// Runs the engine's real code through several lives on a simulated machine: random work, failing calls, full disks, kills and
/// power cuts at random steps; after each, everything that was acknowledged must be served at its offset.
///
/// All of it follows from the seed: a failing one replays alone.
package struct LogSimulation {
    /// What happened in a run, to show that the faults were there.
    package struct Summary: Sendable {
        package var lives = 0
        package var powerCuts = 0
        package var kills = 0
        package var failedCalls = 0
        package var acknowledged = 0
        package var holes = 0
        package var steps = 0

        package init() {}

        package mutating func add(_ other: Summary) {
            lives += other.lives
            powerCuts += other.powerCuts
            kills += other.kills
            failedCalls += other.failedCalls
            acknowledged += other.acknowledged
            holes += other.holes
            steps += other.steps
        }
    }

    static let topic = TopicName("t")!
    /// That may be made while it runs, and how many partitions they have.
    static let laterTopics = [
        (name: TopicName("later")!, partitionCount: 1), (name: TopicName("a-later")!, partitionCount: 2),
    ]

    var random: SeededGenerator
    let fileSystem: SimulatedFileSystem
    let options: LogOptions
    /// By the numbers that they have here: those of the first topic, and behind them those that are made later.
    let places: [TopicPartition]
    /// Topics that are there for certain.
    var made: Set<TopicName> = []
    /// Topics that may be deleted, or may be there with all that they had.
    var perhapsDeleted: Set<TopicName> = []
    /// Of those, the ones that may have been made anew.
    var perhapsRemade: Set<TopicName> = []
    var oracle: LogOracle
    var producers: SimulatedProducers
    var now: Int64 = 1_769_000_000_000
    /// By a clock that is never set.
    var uptime: Int64 = 0
    private var valuesMade = 0
    var summary = Summary()
    /// Told what happens, a line each.
    let trace: (String) -> Void

    /// - Parameter syncsReachDisk: false simulates a disk that forgets what it called synced, to see promises broken.
    package init(seed: UInt64, syncsReachDisk: Bool = true, trace: @escaping (String) -> Void = { _ in }) {
        self.trace = trace
        random = SeededGenerator(seed: seed)
        fileSystem = SimulatedFileSystem(seed: random.next(), syncsReachDisk: syncsReachDisk)
        let partitionCount = Int(1 + random.next() % 3)
        let places = ([(Self.topic, partitionCount)] + Self.laterTopics).flatMap { name, count in
            (0..<count).map { TopicPartition(name, PartitionID($0)) }
        }
        self.places = places
        var options = LogOptions()
        options.durability = random.next() % 5 == 0 ? .os : .fsync
        options.segmentBytes = [2000, 6000, 20_000][Int(random.next() % 3)]
        options.batchBytes = [200, 1000, 4000][Int(random.next() % 3)]
        options.segmentAgeMilliseconds = random.next() % 3 == 0 ? 60_000 : nil
        options.retentionBytes = random.next() % 4 == 0 ? 12_000 : nil
        options.journalFileBytes = [4096, 16_384, 100_000][Int(random.next() % 3)]
        options.journalPieceBytes = [0, 100, 16_384][Int(random.next() % 3)]
        options.lingerMilliseconds = [0, 1500, 10_000, 1_000_000][Int(random.next() % 4)]
        self.options = options
        producers = SimulatedProducers(places: places.indices.filter { places[$0].topic != Self.topic } + [partitionCount])
        oracle = LogOracle(partitionCount: places.count, retentionBytes: options.retentionBytes)
        trace(
            "\(partitionCount) partitions, \(options.durability), segments of \(options.segmentBytes), batches of "
                + "\(options.batchBytes), retention \(options.retentionBytes ?? 0), lingers \(options.lingerMilliseconds)")
    }

    /// - Throws: `SimulationFailure` where a promise was broken.
    package mutating func run() throws -> Summary {
        let lives = Int(3 + random.next() % 5)
        for life in 0..<lives {
            try live(isLast: life == lives - 1)
            summary.lives += 1
        }
        summary.failedCalls = fileSystem.failures
        summary.steps = fileSystem.steps
        return summary
    }

    // MARK: One life of the service

    private mutating func live(isLast: Bool) throws {
        planFaults(isLast: isLast)
        let core: LogCore
        do {
            core = try open()
        } catch {
            trace("it does not open: \(error)")
            guard fileSystem.isDown || hasFaults else { throw SimulationFailure("it does not open: \(error)") }
            // A start that failed changes nothing that a later start needs.
            restart()
            return
        }
        // Faults in the middle of opening may leave partitions that take no writes; without faults there is no reason for that.
        if !hasFaults && !fileSystem.isDown {
            if let trouble = core.troubles.first(where: { !$0.state.isWritable }) { throw SimulationFailure("\(trouble)") }
        }
        for (partition, report) in core.recovery.cuts { trace("  cut \(partition): \(report.cutBytes) bytes") }
        for damage in core.recovery.damage { trace("  damage \(damage.partition) \(damage.item)") }
        for log in core.partitions {
            for item in log.damage.items {
                trace("  known \(log.topicPartition) \(item.segmentBase) \(item.region.offsets) \(item.region.description)")
            }
        }
        trace(
            "open: "
                + core.partitions.map { "\($0.bounds.start)-\($0.bounds.highWatermark) \($0.state.name)" }.joined(separator: ", ")
        )
        for name in made where core.topic(named: name) == nil { throw SimulationFailure("the topic \(name) is lost") }
        settleDeletions(core)
        // What could not be put back there from the journal is there again once it can.
        incomplete = Set(core.partitions.filter { !$0.state.isWritable }.map { number(of: $0.topicPartition) })
        try check(core, observes: true)
        for _ in 0..<Int(random.next() % 40) where !fileSystem.isDown { try step(core) }
        if !fileSystem.isDown { try check(core, observes: options.durability == .fsync) }
        if isLast || random.next() % 5 == 0 {
            trace("close")
            // Of a removal that was interrupted, the segment may have come back without its caches.
            for closed in core.closedSegments { core.mendCaches(closed) }
            core.close()
            if isLast { try verify() }
        }
        restart()
    }

    var hasFaults = false
    /// Partitions that took no writes when the log opened.
    private var incomplete: Set<Int> = []

    private mutating func planFaults(isLast: Bool) {
        hasFaults = false
        fileSystem.setFailureOdds([:])
        fileSystem.setCapacity(nil)
        fileSystem.setWriteBytesMax(random.next() % 8 == 0 ? Int(1 + random.next() % 700) : nil)
        if isLast { return }
        if random.next() % 3 > 0 { fileSystem.stop(afterSteps: Int(1 + random.next() % 120)) }
        switch random.next() % 4 {
        case 0:
            var odds: [SimulatedFileSystem.Call: UInt64] = [:]
            for call in SimulatedFileSystem.Call.allCases where random.next() % 3 == 0 { odds[call] = 5 + random.next() % 60 }
            hasFaults = !odds.isEmpty
            fileSystem.setFailureOdds(odds)
        case 1 where random.next() % 2 == 0:
            hasFaults = true
            fileSystem.setCapacity(fileSystem.usedBytes + Int(random.next() % 6000), isTold: random.next() % 3 == 0)
        default: break
        }
    }

    private mutating func restart() {
        let stop: SimulatedFileSystem.Stop = random.next() % 3 == 0 ? .kill : .powerCut
        if stop == .powerCut {
            oracle.losePower()
            if options.durability == .os { for number in producers.producers.indices { producers.begin(number) } }
            summary.powerCuts += 1
        } else {
            summary.kills += 1
        }
        trace("step \(fileSystem.steps): \(stop)")
        fileSystem.restart(after: stop)
    }

    private func open() throws(LogError) -> LogCore {
        try LogCore.open(
            LogDirectory("/log", fileSystem: fileSystem),
            topics: [definition(of: Self.topic)],
            options: options, processID: 1, concurrently: Self.oneByOne)
    }

    func definition(of topic: TopicName) -> TopicDefinition {
        TopicDefinition(
            name: topic, partitionCount: places.count { $0.topic == topic }, keepsIdentities: topic != Self.laterTopics[0].name,
            wholeBatches: topic == Self.topic ? nil : topic == Self.laterTopics[0].name ? .created : .appended)
    }

    func timesNeverFall(_ number: Int) -> Bool { places[number].topic != Self.laterTopics[0].name }

    func number(of partition: TopicPartition) -> Int { places.firstIndex(of: partition)! }

    private static func oneByOne(_ count: Int, _ body: @Sendable (Int) -> Void) {
        for number in 0..<count { body(number) }
    }

    // MARK: Work

    private mutating func step(_ core: LogCore) throws {
        switch random.next() % 18 {
        case 0: checkpoint(core, commitsBetween: false)
        case 1: checkpoint(core, commitsBetween: true)
        case 2:
            core.retain(now: now)
            trace("retain")
        case 3:
            // A clock that jumps, by a day at most.
            now += Int64(random.next() % 172_800_000) - 86_400_000
        case 4: try check(core, observes: options.durability == .fsync)
        case 5: core.prepareJournalFile()
        case 6: try makeTopic(core)
        case 7, 8, 9: try commitBatches(core)
        case 10: try deleteRecords(core)
        case 11 where random.next() % 3 == 0: try deleteTopic(core)
        default: commit(core)
        }
        let passed = Int64(random.next() % 2000)
        now += passed
        uptime += passed
    }

    private mutating func makeTopic(_ core: LogCore) throws {
        let topic = Self.laterTopics[Int(random.next() % UInt64(Self.laterTopics.count))].name
        do throws(LogError) {
            try core.make(definition(of: topic))
            trace("make \(topic)" + (fileSystem.isDown ? " down" : ""))
            if fileSystem.isDown {
                if perhapsDeleted.contains(topic) { perhapsRemade.insert(topic) }
                return
            }
            made.insert(topic)
            if perhapsDeleted.remove(topic) != nil { forget(topic) }
        } catch {
            trace("make \(topic): \(error)")
            if perhapsDeleted.contains(topic) { perhapsRemade.insert(topic) }
            guard fileSystem.isDown || hasFaults || error.code == .overloaded else {
                throw SimulationFailure("the topic \(topic) is not made: \(error)")
            }
        }
    }

    private mutating func commit(_ core: LogCore) {
        var groups: [[(partition: Int, value: String)]] = []
        let open = places.indices.filter { core.topic(named: places[$0].topic) != nil }
        for _ in 0..<Int(1 + random.next() % 3) {
            groups.append((0..<Int(1 + random.next() % 5)).map { _ in (open[Int(random.next() % UInt64(open.count))], value()) })
        }
        for record in groups.joined() { oracle.partitions[record.partition].submitted.insert(record.value) }
        let receipts = core.commit(
            groups.map { group in
                LogContents.group(group, timestamp: now, hasher: core.identityHasher) { number in
                    (core.topic(named: places[number].topic)!.handle, places[number].partition.number)
                }
            }, now: uptime)
        defer { core.flush(now: uptime) }
        // What a machine that is down had on its lips, nobody heard.
        trace(
            "commit "
                + zip(groups, receipts).map { group, receipt in
                    zip(group, receipt.offsets).map { "\($0.partition):\($1)(\($0.value.utf8.count))" }.joined(separator: " ")
                }.joined(separator: " | ") + (fileSystem.isDown ? " down" : ""))
        for failure in Set(receipts.flatMap(\.failures).map(\.message)).sorted() { trace("  \(failure)") }
        if fileSystem.isDown { return }
        for (group, receipt) in zip(groups, receipts) {
            // What was refused must never be there.
            for (record, offset) in zip(group, receipt.offsets) where offset < 0 {
                let failure = receipt.failures.first { $0.partition == places[record.partition] }
                if let failure, failure.code != .outcomeUnknown {
                    oracle.partitions[record.partition].submitted.remove(record.value)
                }
            }
            for (record, offset) in zip(group, receipt.offsets) where offset >= 0 {
                oracle.acknowledge(record.partition, offset, record.value, isSynced: options.durability == .fsync)
                summary.acknowledged += 1
            }
        }
    }

    mutating func value() -> String {
        valuesMade += 1
        let length = random.next() % 10 == 0 ? random.next() % 2500 : random.next() % 60
        return "\(valuesMade)-" + random.text(Int(length))
    }

    private mutating func checkpoint(_ core: LogCore, commitsBetween: Bool) {
        var checkpoint = core.beginCheckpoint()
        while let next = core.prepareNextPartition(of: checkpoint) {
            checkpoint = next
            if commitsBetween && random.next() % 3 == 0 { commit(core) }
        }
        let works = checkpoint.works
        core.finishCheckpoint(checkpoint) { body in
            // The commits that are queued before it, and behind it.
            if commitsBetween && random.next() % 3 == 0 { commit(core) }
            body()
            if commitsBetween && random.next() % 3 == 0 { commit(core) }
        }
        trace(
            "checkpoint " + works.map { "\($0.topicPartition):\($0.recoveryPoint)" }.joined(separator: " ")
                + (fileSystem.isDown ? " down" : ""))
        if fileSystem.isDown { return }
        for work in works {
            guard let log = core.partitions.first(where: { $0.topicPartition == work.topicPartition }), log.state.isWritable
            else { continue }
            oracle.synced(number(of: work.topicPartition), below: work.recoveryPoint)
        }
    }

    // MARK: Checks

    /// - Parameter observes: what is served now is certain from now on.
    private mutating func check(_ core: LogCore, observes: Bool) throws {
        for log in core.partitions {
            let number = number(of: log.topicPartition)
            // Whoever reads asks for that.
            core.flushAll(log, now: uptime)
            let contents: (records: [LogContents.Record], holes: [Range<Int64>], byteCount: Int)
            do {
                contents = try LogContents.read(log, maximumBytes: Int(1 + random.next() % 4000))
            } catch {
                if fileSystem.isDown { return }
                throw SimulationFailure("partition \(number) cannot be read: \(error)")
            }
            let isDown = fileSystem.isDown
            if log.isPending() && !hasFaults && !isDown {
                throw SimulationFailure("partition \(number): what is acknowledged cannot be read")
            }
            try oracle.check(
                number, contents.records, holes: contents.holes, byteCount: contents.byteCount, bounds: log.bounds,
                readableEnd: log.bounds.settled.value, isIncomplete: incomplete.contains(number) || log.isPending(),
                timesNeverFall: timesNeverFall(number))
            if timesNeverFall(number) { try checkIdentities(log, contents.records, core.identityHasher) }
            try checkTimes(log, contents.records)
            summary.holes += contents.holes.count
            if observes && !isDown && log.state.isWritable {
                for record in contents.records { oracle.acknowledge(number, record.offset, record.value, isSynced: true) }
                oracle.synced(number, below: log.bounds.highWatermark.value)
            }
        }
    }

    private func checkIdentities(
        _ log: PartitionLog, _ records: [LogContents.Record], _ hasher: RecordIdentityHasher
    ) throws {
        let expected = records.map { record in Array(record.value.utf8).withUnsafeBytes { hasher.identity(of: $0) } }
        let found: [StoredIdentity]
        do {
            // Those of deleted records are known as long as their segment is there.
            found = try log.identities(since: 0).all().filter { $0.offset >= log.bounds.start }
        } catch {
            if fileSystem.isDown { return }
            throw SimulationFailure("the identities of \(log.topicPartition) cannot be read: \(error)")
        }
        guard found.map(\.identity) == expected, found.map(\.offset.value) == records.map(\.offset) else {
            throw SimulationFailure(
                "\(log.topicPartition) gives \(found.count) identities for \(expected.count) records, or other ones")
        }
    }

    private mutating func checkTimes(_ log: PartitionLog, _ records: [LogContents.Record]) throws {
        guard let last = records.last else { return }
        for _ in 0..<3 {
            let time = records[Int(random.next() % UInt64(records.count))].timestamp + Int64(random.next() % 3) - 1
            let expected = records.first { $0.timestamp >= time }?.offset
            let found: Int64?
            do {
                found = try log.offset(atOrAfter: time)?.value
            } catch {
                // It may be one that could not be written to the segments.
                if fileSystem.isDown || log.isPending() { return }
                throw SimulationFailure("\(log.topicPartition) has no answer for the time \(time): \(error)")
            }
            guard found == expected else {
                throw SimulationFailure(
                    "\(log.topicPartition) finds offset \(found ?? -1) at time \(time), it is \(expected ?? -1) of \(last.offset)"
                )
            }
        }
    }

    private func verify() throws {
        let directory = LogDirectory("/log", fileSystem: fileSystem)
        let verifier = LogVerifier(directory, meta: try LogInspector(directory).meta(), isInUse: false)
        for partition in places where made.contains(partition.topic) || partition.topic == Self.topic {
            let result = try verifier.verify(
                partition, keepsIdentities: definition(of: partition.topic).keepsIdentities, onProgress: { _ in })
            if let finding = result.findings.first { throw SimulationFailure("verify finds \(finding)") }
        }
    }
}
