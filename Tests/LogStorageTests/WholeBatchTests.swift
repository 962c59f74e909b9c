import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// Batches that a Kafka client has made; the simulation brings crashes over them.
@Suite struct WholeBatchTests {
    /// A log with the topic `t` for records alone, and two for whole batches.
    private struct Harness {
        var log = SimulatedLog()
        let created = TopicDefinition(
            name: TopicName("created")!, partitionCount: 2, keepsIdentities: false, wholeBatches: .created)
        let appended = TopicDefinition(
            name: TopicName("appended")!, partitionCount: 1, keepsIdentities: true, wholeBatches: .appended)

        func open() throws -> LogCore {
            try LogCore.open(
                LogDirectory("/log", fileSystem: log.fileSystem), topics: [log.definition, created, appended],
                options: log.options,
                processID: 1, concurrently: { count, body in for number in 0..<count { body(number) } })
        }

        func batch(
            _ topic: TopicDefinition, _ core: LogCore, _ values: [String], times: [Int64]? = nil, partition: Int = 0,
            producer: (id: Int64, epoch: Int16, sequence: Int32)? = nil
        ) -> WholeBatches.Batch {
            WholeBatches.Batch(
                core.topic(named: topic.name)!.handle, partition,
                zip(values, times ?? Array(repeating: 500, count: values.count)).map { ($0, $1) }, producer: producer)
        }

        func commit(_ batches: [WholeBatches.Batch], to core: LogCore, now: Int64 = 7000) throws -> [BatchReceipt] {
            defer { core.flush(now: 1000) }
            let group = WholeBatches.group(batches, timestamp: now, hasher: core.identityHasher)
            guard case .batches(let receipts) = core.commit([.batches(group)], now: 1000)[0] else { return [] }
            return receipts
        }

        func read(_ topic: TopicDefinition, _ core: LogCore, partition: Int = 0) throws -> [LogContents.Record] {
            try LogContents.read(core.log(of: TopicPartition(topic.name, PartitionID(partition))), maximumBytes: 1 << 20).records
        }

        func verify(_ topic: TopicDefinition) throws -> [LogVerifier.Finding] {
            let directory = LogDirectory("/log", fileSystem: log.fileSystem)
            return try LogVerifier(directory, meta: try LogInspector(directory).meta(), isInUse: false)
                .verify(
                    TopicPartition(topic.name, PartitionID(0)), keepsIdentities: topic.keepsIdentities, onProgress: { _ in }
                ).findings
        }
    }

    private func offset(_ receipt: BatchReceipt?) -> Int64? {
        if case .stored(let baseOffset, _, _) = receipt { baseOffset } else { nil }
    }

    private func isRepeated(_ receipt: BatchReceipt?) -> Bool {
        if case .stored(_, _, let isRepeated) = receipt { isRepeated } else { false }
    }

    private func refusal(_ receipt: BatchReceipt?) -> ProducerRefusal? {
        if case .refused(let refusal) = receipt { refusal } else { nil }
    }

    /// A segment is what came over the wire, but for the first offset and the epoch.
    @Test func theBytesStayAsTheyCame() throws {
        let harness = Harness()
        let core = try harness.open()
        let batches = [
            harness.batch(harness.created, core, ["a", "b", "c"], times: [30, 10, 20]),
            harness.batch(harness.created, core, ["d"], producer: (9, 0, 0)),
        ]
        #expect(try harness.commit(batches, to: core).map(offset) == [0, 3])
        var expected = GrowableBytes()
        for (batch, baseOffset) in zip(batches, [Int64(0), 3]) {
            let start = expected.count
            var header = batch.append(to: &expected)
            (header.baseOffset, header.partitionLeaderEpoch) = (baseOffset, 0)
            header.write(to: expected.base + start)
        }
        let stored = try core.log(of: TopicPartition(harness.created.name, PartitionID(0))).read(
            from: .zero, maximumBytes: 1 << 20)
        #expect(stored == Array(copying: expected))
        #expect(try harness.read(harness.created, core).map(\.timestamp) == [30, 10, 20, 500])
        core.close()
        #expect(try harness.verify(harness.created) == [])
    }

    @Test func whereTheLogGivesTheTimeAllRecordsHaveIt() throws {
        let harness = Harness()
        var core = try harness.open()
        guard
            case .stored(0, 7000, false) = try harness.commit(
                [harness.batch(harness.appended, core, ["a", "b"], times: [99_999, 1])], to: core)[0]
        else {
            Issue.record("another time, or none")
            return
        }
        // The clock goes back, and no time does.
        _ = try harness.commit([harness.batch(harness.appended, core, ["c"])], to: core, now: 6000)
        for _ in 0..<2 {
            #expect(try harness.read(harness.appended, core).map(\.timestamp) == [7000, 7000, 7000])
            let log = try core.log(of: TopicPartition(harness.appended.name, PartitionID(0)))
            #expect(try log.offset(atOrAfter: 6001) == .zero)
            #expect(try log.offset(atOrAfter: 7001) == nil)
            let identities = try log.identities(since: 7).all()
            #expect(identities.map(\.offset.value) == [0, 1, 2] && identities.allSatisfy { $0.timestampSeconds == 7 })
            core.close()
            #expect(try harness.verify(harness.appended) == [])
            core = try harness.open()
        }
        core.close()
    }

    @Test func recordsThatWaitComeBeforeTheBatch() throws {
        var harness = Harness()
        harness.log.options.lingerMilliseconds = 60_000
        let core = try harness.open()
        let handle = core.topic(named: harness.created.name)!.handle
        func append(_ value: String) {
            let group = LogContents.group([(0, value)], timestamp: 5, hasher: core.identityHasher) { (handle, $0) }
            _ = core.commit([group], now: 1000)
        }
        append("a")
        #expect(try harness.commit([harness.batch(harness.created, core, ["b"])], to: core).map(offset) == [1])
        append("c")
        core.flushAll()
        #expect(try harness.read(harness.created, core).map(\.value) == ["a", "b", "c"])
        core.close()
    }

    @Test(arguments: ["closed", "killed", "killed, the snapshot lost", "killed behind a checkpoint"])
    func whatWasStoredOnceIsNotStoredAgain(end: String) throws {
        let harness = Harness()
        var core = try harness.open()
        func batch(_ sequence: Int32, _ count: Int, epoch: Int16 = 3) -> WholeBatches.Batch {
            harness.batch(
                harness.created, core, (0..<count).map { "\(epoch):\(Int(sequence) + $0)" }, producer: (77, epoch, sequence))
        }
        var expected: [Int64] = []
        for sequence in stride(from: Int32(0), to: 18, by: 3) {
            expected += try harness.commit([batch(sequence, 3)], to: core).compactMap(offset)
            if end == "killed behind a checkpoint" && sequence == 9 { core.finishCheckpoint(core.prepareCheckpoint()) }
        }
        #expect(expected == [0, 3, 6, 9, 12, 15])
        for isRestarted in [false, true] {
            if isRestarted {
                if end == "closed" { core.close() }
                harness.log.fileSystem.restart(after: .kill)
                if end.contains("lost") {
                    for path in harness.log.fileSystem.paths where path.hasSuffix(".snapshot") {
                        harness.log.fileSystem.delete(path)
                    }
                }
                core = try harness.open()
            }
            // The last five are known, and where they are.
            for (sequence, offset) in [(Int32(3), Int64(3)), (15, 15)] {
                let receipt = try harness.commit([batch(sequence, 3)], to: core)[0]
                #expect(isRepeated(receipt) && self.offset(receipt) == offset, "\(isRestarted)")
            }
            #expect(refusal(try harness.commit([batch(0, 3)], to: core)[0]) == .tooOld(lastSequence: 17, found: 0))
            #expect(refusal(try harness.commit([batch(15, 2)], to: core)[0]) == .tooOld(lastSequence: 17, found: 15))
            #expect(refusal(try harness.commit([batch(21, 3)], to: core)[0]) == .outOfOrder(expected: 18, found: 21))
            #expect(refusal(try harness.commit([batch(0, 3, epoch: 2)], to: core)[0]) == .fenced(epoch: 2, current: 3))
            #expect(refusal(try harness.commit([batch(6, 3, epoch: 4)], to: core)[0]) == .outOfOrder(expected: 0, found: 6))
        }
        #expect(try harness.commit([batch(18, 1), batch(18, 1), batch(19, 1)], to: core).map(offset) == [18, 18, 19])
        #expect(try harness.commit([batch(0, 1, epoch: 4)], to: core).map(offset) == [20])
        #expect(try harness.read(harness.created, core).map(\.value) == (0..<20).map { "3:\($0)" } + ["4:0"])
        core.close()
    }

    @Test func aProducerOfWhomNothingIsKnownBeginsAnywhereAndNumbersGoRound() throws {
        let harness = Harness()
        let core = try harness.open()
        func commit(_ sequence: Int32) throws -> BatchReceipt {
            try harness.commit([harness.batch(harness.created, core, ["x", "y"], producer: (5, 0, sequence))], to: core)[0]
        }
        #expect(offset(try commit(.max)) == 0)
        #expect(offset(try commit(1)) == 2)
        #expect(isRepeated(try commit(.max)))
        #expect(refusal(try commit(.max - 2)) == .tooOld(lastSequence: 2, found: .max - 2))
        core.close()
    }

    @Test func whatFailsIsNotRememberedAsStored() throws {
        let harness = Harness()
        let core = try harness.open()
        let batch = harness.batch(harness.created, core, ["a"], producer: (5, 0, 0))
        harness.log.fileSystem.setCapacity(harness.log.fileSystem.usedBytes, isTold: false)
        guard case .failed(let error) = try harness.commit([batch], to: core)[0] else {
            Issue.record("it is stored on a full disk")
            return
        }
        #expect(error.code == .lowSpace)
        harness.log.fileSystem.setCapacity(nil)
        let receipt = try harness.commit([batch], to: core)[0]
        #expect(offset(receipt) == 0 && !isRepeated(receipt))
        core.close()
    }

    /// Producers come and go; the log remembers those that wrote last.
    @Test func soManyProducersAreRememberedAndNoMore() throws {
        let harness = Harness()
        let core = try harness.open()
        let count = 5000
        for first in stride(from: 0, to: count, by: 1000) {
            let batches = (first..<first + 1000).map {
                harness.batch(harness.created, core, ["\($0)"], producer: (Int64($0), 0, 0))
            }
            #expect(try harness.commit(batches, to: core).compactMap(offset).count == 1000)
        }
        core.finishCheckpoint(core.prepareCheckpoint())
        let snapshots = harness.log.fileSystem.paths.filter { $0.hasPrefix("/log/created-0/") && $0.hasSuffix(".snapshot") }
        #expect(snapshots.count == 1 && harness.log.fileSystem.bytes(snapshots[0])!.count < 4097 * 27)
        let last = harness.batch(harness.created, core, ["\(count - 1)"], producer: (Int64(count - 1), 0, 0))
        #expect(isRepeated(try harness.commit([last], to: core)[0]))
        core.close()
    }

    @Test func theirTopicsAreShownAndVerified() throws {
        let harness = Harness()
        let core = try harness.open()
        _ = try harness.commit([harness.batch(harness.created, core, ["a", "b"], producer: (5, 0, 0))], to: core)
        core.flushAll()
        _ = try harness.commit([harness.batch(harness.created, core, ["c"], producer: (5, 0, 2))], to: core)
        // What the journal alone has, too.
        harness.log.fileSystem.restart(after: .powerCut)
        var shown: [String] = []
        try LogInspector(LogDirectory("/log", fileSystem: harness.log.fileSystem)).forEachRecord(
            of: TopicPartition(harness.created.name, PartitionID(0)), from: 0, to: .max, onHole: { shown.append("\($0) \($1)") }
        ) { shown.append("\($0.offset) \(String(decoding: $0.value!, as: UTF8.self))") }
        #expect(shown == ["0 a", "1 b", "2 c"])
    }

    /// The folders tell which topics there were; what was taken from clients must not pass for damage.
    @Test func withoutMetaTheyAreReadAllTheSame() throws {
        let harness = Harness()
        var core = try harness.open()
        _ = try harness.commit([harness.batch(harness.created, core, ["a"], times: [9], producer: (5, 0, 0))], to: core)
        _ = try harness.commit([harness.batch(harness.created, core, ["b"], times: [3], producer: (5, 0, 1))], to: core)
        core.close()
        harness.log.fileSystem.delete("/log/\(FileNames.meta)")
        core = try LogCore.open(
            LogDirectory("/log", fileSystem: harness.log.fileSystem), topics: [harness.log.definition],
            options: harness.log.options,
            processID: 1, concurrently: { count, body in for number in 0..<count { body(number) } })
        #expect(core.troubles.isEmpty)
        #expect(core.topics.first { $0.name == harness.created.name }?.wholeBatches == .created)
        #expect(try harness.read(harness.created, core).map(\.value) == ["a", "b"])
        core.close()
    }
}
