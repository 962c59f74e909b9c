import EventLog
import Ingestion
import RecordFormat
import Testing

@Suite struct LedgerTests {
    typealias Bench = IngestPipelineTests.Bench

    static func tally(_ stored: Int64 = 0, duplicate: Int64 = 0, rejected: Int64 = 0, unavailable: Int64 = 0) -> LedgerTally {
        var tally = LedgerTally()
        tally[.stored] = stored
        tally[.duplicate] = duplicate
        tally[.rejected] = rejected
        tally[.unavailable] = unavailable
        return tally
    }

    static func counts(_ bench: Bench) -> LedgerCounts {
        let counts = bench.ledger.snapshot.counts
        counts.checkInvariants()
        return counts
    }

    static func type(_ name: String, _ counts: LedgerCounts) -> LedgerTally? {
        counts.typeNames.firstIndex(of: name).map { counts.types[$0] }
    }

    static func event(_ name: String, _ id: String) -> String { #"{"event":"\#(name)","userId":"u","messageId":"\#(id)"}"# }

    @Test func everyEventIsCountedOnceByItsKeyAndItsName() async throws {
        let bench = Bench(keys: [WriteKey(key: "k", name: "web"), WriteKey(key: "a", name: "app")])
        _ = try await bench.send(
            "[\(Self.event("x", "1")),\(Self.event("x", "1")),\(Self.event("search", "2")),{},\(Self.event("logout", "3"))]")
        _ = try await bench.send(Self.event("x", "1"), key: "a")
        let counts = Self.counts(bench)
        #expect(counts.keyNames == ["web", "app"])
        #expect(counts.keys == [Self.tally(2, duplicate: 1, rejected: 2), Self.tally(duplicate: 1)])
        #expect(Self.type("x", counts) == Self.tally(1, duplicate: 2))
        #expect(Self.type("search", counts) == Self.tally(rejected: 1), "it lacks its query")
        #expect(Self.type("logout", counts) == Self.tally(1))
        #expect(Self.type(LedgerCounts.otherType, counts) == Self.tally(rejected: 1), "it has no name")
        #expect(counts.total.received == 6)
    }

    @Test func whatTheLogDoesNotTakeIsUnavailableUntilItIsSentAgain() async throws {
        let bench = Bench()
        bench.log.fail(.notWritable)
        #expect(await bench.failure("[\(Self.event("x", "1")),{}]") == .unavailable)
        #expect(Self.counts(bench).total == Self.tally(unavailable: 2))
        bench.log.fail(nil)
        _ = try await bench.send("[\(Self.event("x", "1")),{}]")
        #expect(Self.counts(bench).total == Self.tally(1, rejected: 1, unavailable: 2))
    }

    @Test func aRequestThatIsRefusedAsAWholeIsNoEvent() async {
        let bench = Bench()
        #expect(await bench.failure("[]") == .emptyBatch)
        #expect(await bench.failure("{") == .invalidJSON)
        #expect(await bench.failure(Self.event("x", "1"), key: "wrong") == .unknownWriteKey)
        #expect(Self.counts(bench).total.received == 0)
    }

    @Test func theCountsGoUpToTheOffsetsThatWereGivenOut() async throws {
        let bench = Bench()
        bench.log.hold()
        async let first = bench.send(Self.event("x", "1"))
        while bench.log.heldCount < 1 { await Task.yield() }
        #expect(Self.counts(bench).total.received == 0, "not before the log has it")
        bench.log.release()
        _ = try await first
        _ = try await bench.send("{}")
        let counts = Self.counts(bench)
        let partition = Int(bench.log.records[0].partition)
        #expect(counts.positions.enumerated().map { $0.offset == partition || $0.offset == 12 ? 1 : 0 } == counts.positions)
    }

    // MARK: Bounds

    @Test func namesBeyondTheBoundCountAsOthersAndTheCataloguesAlwaysHaveRoom() async throws {
        let bench = Bench()
        for number in 0..<(LedgerCounts.typesMax + 50) { _ = try await bench.send(Self.event("made up \(number)", "\(number)")) }
        _ = try await bench.send(#"{"event":"search","userId":"u","properties":{"query":""}}"#)
        // One that came into the catalogue after the ledger was made.
        _ = try await bench.send(Self.event("logout", "new"))
        let counts = Self.counts(bench)
        #expect(counts.typeNames.count == LedgerCounts.typesMadeUpMax + 1)
        #expect(Self.type("logout", counts) == Self.tally(1))
        let others = Int64(LedgerCounts.typesMax + 50 - LedgerCounts.typesMadeUpMax + 2)
        #expect(Self.type(LedgerCounts.otherType, counts) == Self.tally(others), "two places were taken")
        #expect(Self.type("search", counts) == Self.tally(1))
        #expect(counts.total.received == Int64(LedgerCounts.typesMax) + 52)
        #expect(counts.encoded().count < 1 << 20)
    }

    // MARK: As it is kept

    @Test func whatIsKeptIsReadBack() async throws {
        let bench = Bench(keys: [WriteKey(key: "k", name: "a \"quoted\" ñame")])
        _ = try await bench.send("[\(Self.event("x\\u0000y", "1")),{}]")
        let counts = Self.counts(bench)
        #expect(LedgerCounts(counts.encoded(), partitionCount: 13) == counts)
        #expect(LedgerCounts(counts.encoded(), partitionCount: 12) == nil)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"positions":[0],"keys":{},"types":[]}"#, #"{"positions":[-1],"keys":{},"types":{}}"#,
        #"{"positions":[0],"keys":{"a":[1,2,3,4]},"types":{}}"#, #"{"positions":[0],"keys":{"a":[1,2,3,4,-5]},"types":{}}"#,
        #"{"positions":[0],"keys":{"a":[1,2,3,4,"5"]},"types":{}}"#, #"{"positions":["0"],"keys":{},"types":{}}"#,
    ])
    func whatIsNoneOfOursIsNotRead(text: String) {
        #expect(LedgerCounts(Array(text.utf8), partitionCount: 1) == nil)
    }

    @Test func theLogCountedAgainGivesWhatWasCounted() async throws {
        let bench = Bench(keys: [WriteKey(key: "k", name: "web"), WriteKey(key: "a", name: "app")])
        for number in 0..<300 {
            let body = number % 7 == 0 ? "{}" : Self.event("x\(number % 5)", "\(number)")
            _ = try await bench.send(body, key: number % 3 == 0 ? "a" : "k")
        }
        let counted = Self.counts(bench)
        // In one go, and in two that meet within batches.
        for split in [0, 7] {
            let again = Ledger(
                LedgerCounts(partitionCount: 13), keys: WriteKeyRing([WriteKey(key: "k", name: "web")]), events: ["search"],
                rawPartitionCount: 12)
            for (partition, batches) in Self.batches(bench).enumerated() {
                let end = counted.positions[partition]
                for range in [0..<min(Int64(split), end), min(Int64(split), end)..<end] {
                    var recount = LedgerRecount(partition: partition, rawPartitionCount: 12)
                    #expect(try recount.add(batches, range) == range.upperBound)
                    again.add(recount.counts, countedTo: range.upperBound, of: partition)
                }
            }
            let found = again.snapshot.counts
            found.checkInvariants()
            #expect(found.positions == counted.positions)
            for (number, name) in counted.keyNames.enumerated() {
                #expect(found.keys[found.keyNames.firstIndex(of: name)!] == counted.keys[number])
            }
            for (number, name) in counted.typeNames.enumerated() where counted.types[number].received > 0 {
                #expect(Self.type(name, found) == counted.types[number])
            }
        }
    }

    @Test func whatIsBehindABrokenBatchIsNotCounted() async throws {
        let bench = Bench()
        for number in 0..<25 { _ = try await bench.send("{\(number == 0 ? "" : "\"n\":\(number)")}") }
        var batches = Self.batches(bench)[12]
        let second = try batches.withUnsafeBytes { try RecordBatchHeader(reading: $0).totalBytes }
        // Its version.
        batches[second + 16] = 1
        var recount = LedgerRecount(partition: 12, rawPartitionCount: 12)
        #expect(throws: RecordFormatError.self) { try recount.add(batches, 0..<25) }
        #expect(recount.counts.total == Self.tally(rejected: 10), "of three batches the second is broken")
    }

    /// The records of each partition in batches of ten.
    static func batches(_ bench: Bench) -> [[UInt8]] {
        var partitions: [[FakeLog.Stored]] = Array(repeating: [], count: 13)
        for record in bench.log.records { partitions[record.topic == 0 ? record.partition : 12].append(record) }
        return partitions.map { records in
            var batches: [UInt8] = []
            for base in stride(from: 0, to: records.count, by: 10) {
                var builder = RecordBatchBuilder()
                for record in records[base..<min(base + 10, records.count)] {
                    let body = body(record)
                    withExtendedLifetime(body) { builder.append(body: body.bytes, timestamp: 0) }
                }
                var batch = GrowableBytes()
                _ = builder.finish(baseOffset: Int64(base), partitionLeaderEpoch: 0, codec: .lz4, appendingTo: &batch)
                batches += Array(copying: batch)
            }
            return batches
        }
    }

    private static func body(_ record: FakeLog.Stored) -> GrowableBytes {
        var body = GrowableBytes()
        RecordBody.appendAbsentField(to: &body)
        RecordBody.appendAbsentField(to: &body)
        RecordBody.appendHeaderCount(record.headers.count, to: &body)
        for (name, value) in record.headers.sorted(by: { $0.key < $1.key }) {
            let bytes = Array(value.utf8)
            bytes.withUnsafeBytes { bytes in
                switch name {
                case "event": RecordBody.appendHeader("event", bytes, to: &body)
                case "writeKey": RecordBody.appendHeader("writeKey", bytes, to: &body)
                default: RecordBody.appendHeader("other", bytes, to: &body)
                }
            }
        }
        return body
    }
}
