import EventLog
import EventModel
import Foundation
import Ingestion
import RecordFormat
import Testing

@Suite struct IngestPipelineTests {
    static let receivedAt: Int64 = 1_768_991_445_123  // 2026-01-21T10:30:45.123Z
    static let received = "2026-01-21T10:30:45.123Z"

    struct Bench {
        let log = FakeLog()
        let pipeline: IngestPipeline
        let ledger: Ledger

        /// No rate limits, which have their own tests.
        static var usualLimits: IngestLimits {
            var limits = IngestLimits()
            limits.addressEventsPerSecond = 0
            return limits
        }

        init(
            limits: IngestLimits = Bench.usualLimits, keys: [WriteKey] = [WriteKey(key: "k")], enricher: Enricher = Enricher(),
            limiter: RateLimiter = RateLimiter(bounds: .init(globalEventsPerSecond: 0), clock: { 0 })
        ) {
            let ring = WriteKeyRing(keys)
            ledger = Ledger(LedgerCounts(partitionCount: 13), keys: ring, events: ["search"], rawPartitionCount: 12)
            pipeline = IngestPipeline(
                log: log, hasher: RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2)),
                deduplicator: Deduplicator(bounds: .init()), keys: ring, limits: limits,
                catalogue: CurrentCatalogue(try! Catalogue(CatalogueFile.builtIn)), enricher: enricher, limiter: limiter,
                ledger: ledger,
                topic: TopicName("raw")!,
                rejectedTopic: TopicName("rejected")!, now: { IngestPipelineTests.receivedAt })
        }

        func send(
            _ body: String, endpoint: IngestEndpoint = .events, key: String? = "k", receipts: Bool = false,
            origin: String? = nil, from address: String = "192.0.2.7", userAgent: String? = nil
        ) async throws(IngestError) -> IngestReport {
            let request = IngestRequest(
                endpoint: endpoint, writeKey: key, origin: origin, clientAddress: IPAddress(address)!, userAgent: userAgent,
                wantsReceipts: receipts)
            let bytes = Array(body.utf8)
            let prepared = try bytes.withUnsafeBytes { bytes in
                Result { () throws(IngestError) in try pipeline.prepare(request, body: bytes) }
            }.get()
            return try await pipeline.commit(prepared)
        }

        func failure(
            _ body: String, endpoint: IngestEndpoint = .events, key: String? = "k", origin: String? = nil
        ) async -> IngestError.Code? {
            do throws(IngestError) {
                _ = try await send(body, endpoint: endpoint, key: key, origin: origin)
                return nil
            } catch { return error.code }
        }
    }

    // MARK: What is stored

    @Test(arguments: [
        // The client's bytes stay as they are; ours are spliced in.
        (
            IngestEndpoint.events, #"{ "event" : "a",  "userId":"u","messageId":"m","context":{ "locale":"es-DO" }, "n":1.0e0 }"#,
            #"{ "event" : "a",  "userId":"u","messageId":"m","context":{ "locale":"es-DO" ,"ip":"192.0.2.7"}, "n":1.0e0 ,"receivedAt":"RECEIVED"}"#
        ),
        // The client's own address is replaced, and its writeKey and receivedAt do not stay.
        (
            .events,
            #"{"writeKey":"x","event":"a","userId":"u","messageId":"m","receivedAt":"never","context":{"ip":"10.0.0.1"}}"#,
            #"{"event":"a","userId":"u","messageId":"m","receivedAt":"RECEIVED","context":{"ip":"192.0.2.7"}}"#
        ),
        (
            .events, #"{"event":"a","userId":"u","writeKey":"x","messageId":"m","context":null}"#,
            #"{"event":"a","userId":"u","messageId":"m","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED"}"#
        ),
        (
            .events, #"{"event":"a","userId":"u","messageId":"m","context":{},"writeKey":7}"#,
            #"{"event":"a","userId":"u","messageId":"m","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED"}"#
        ),
        // A clock that is an hour slow is corrected, one that is 5 minutes slow is not.
        (
            .events,
            #"{"event":"a","userId":"u","messageId":"m","timestamp":"2026-01-21T09:30:00Z","sentAt":"2026-01-21T09:30:45.123Z","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m","timestamp":"2026-01-21T10:30:00.000Z","sentAt":"2026-01-21T09:30:45.123Z","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED","originalTimestamp":"2026-01-21T09:30:00Z"}"#
        ),
        (
            .events,
            #"{"event":"a","userId":"u","messageId":"m","timestamp":"2026-01-21T10:25:00Z","sentAt":"2026-01-21T10:25:45.123Z","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m","timestamp":"2026-01-21T10:25:00Z","sentAt":"2026-01-21T10:25:45.123Z","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED"}"#
        ),
        (
            .identify, #"{"userId":"u","messageId":"m","context":{}}"#,
            #"{"userId":"u","messageId":"m","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED","event":"identify"}"#
        ),
        (
            .identify, #"{"event":null,"userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"identify","userId":"u","messageId":"m","context":{"ip":"192.0.2.7"},"receivedAt":"RECEIVED"}"#
        ),
        (
            .page, #"{"userId":"u","messageId":"m","context":{"page":{"url":"http:\/\/x","title":"T","referrer":null}}}"#,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"http:\/\/x","title":"T","referrer":null},"ip":"192.0.2.7"},"receivedAt":"RECEIVED","event":"page_view","properties":{"url":"http:\/\/x","title":"T"}}"#
        ),
        (
            .page,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"a","title":"b","referrer":"c"}},"properties":{"title":"mine"}}"#,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"a","title":"b","referrer":"c"},"ip":"192.0.2.7"},"properties":{"title":"mine","url":"a","referrer":"c"},"receivedAt":"RECEIVED","event":"page_view"}"#
        ),
        (
            .page, #"{"userId":"u","messageId":"m","context":{"page":{"url":"a"}},"properties":{}}"#,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"a"},"ip":"192.0.2.7"},"properties":{"url":"a"},"receivedAt":"RECEIVED","event":"page_view"}"#
        ),
        (
            .page,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"a","title":null,"referrer":"c"}},"properties":{"referrer":null, "title":null,"url": null }}"#,
            #"{"userId":"u","messageId":"m","context":{"page":{"url":"a","title":null,"referrer":"c"},"ip":"192.0.2.7"},"properties":{"referrer":"c", "title":null,"url": "a" },"receivedAt":"RECEIVED","event":"page_view"}"#
        ),
    ])
    func theStoredEventIsTheClientsBytesWithOursSplicedIn(
        _ endpoint: IngestEndpoint, _ sent: String, _ stored: String
    ) async throws {
        let bench = Bench()
        let report = try await bench.send(sent, endpoint: endpoint)
        #expect((report.accepted, report.rejected) == (1, 0))
        let record = try #require(bench.log.records.first)
        #expect(record.value == stored.replacing("RECEIVED", with: Self.received))
        #expect(record.key == "u")
        #expect(record.partition == Array("u".utf8).withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: 12) })
        #expect(record.headers["messageId"] == "m")
        #expect(record.headers["writeKey"] == "default")
        #expect(record.headers["event"] == (endpoint == .page ? "page_view" : endpoint == .identify ? "identify" : "a"))
        #expect(try JSONSerialization.jsonObject(with: Data(record.value.utf8)) is [String: Any])
    }

    @Test(arguments: ["", #","messageId":null"#])
    func anEventWithoutAnIdGetsOne(_ member: String) async throws {
        let bench = Bench()
        let report = try await bench.send(#"{"event":"a","anonymousId":"anon"\#(member)}"#, receipts: true)
        let id = try #require(report.results.first?.messageID)
        #expect(UUID(uuidString: id) != nil)
        #expect(Array(id)[14] == "7" && "89ab".contains(Array(id)[19]))
        let record = try #require(bench.log.records.first)
        #expect(record.headers["messageId"] == id)
        let value = try #require(try JSONSerialization.jsonObject(with: Data(record.value.utf8)) as? [String: Any])
        #expect(value["messageId"] as? String == id)
        #expect(record.key == "anon")
    }

    @Test func aTrustedKeyKeepsTheClientsAddress() async throws {
        let bench = Bench(keys: [WriteKey(key: "k", name: "backend", trustsClientContext: true)])
        _ = try await bench.send(#"{"event":"a","userId":"u","messageId":"m","context":{"ip":"10.0.0.1"}}"#)
        #expect(bench.log.records[0].value.contains(#""ip":"10.0.0.1""#))
        #expect(bench.log.records[0].headers["writeKey"] == "backend")
    }

    @Test func theBatchsSentAtCountsWhereAnEventHasNone() async throws {
        let bench = Bench()
        _ = try await bench.send(
            #"{"sentAt":"2026-01-21T11:30:45.123Z","batch":[{"event":"a","userId":"u","messageId":"m","timestamp":"2026-01-21T11:30:00Z","originalTimestamp":"z"}]}"#
        )
        #expect(
            bench.log.records[0].value.contains(
                #""timestamp":"2026-01-21T10:30:00.000Z","originalTimestamp":"2026-01-21T11:30:00Z""#))
    }

    @Test func nothingOfARequestIsInTheNext() async throws {
        let keys = [
            WriteKey(key: "trusted", name: "backend", trustsClientContext: true), WriteKey(key: "k", name: "site"),
        ]
        let event = #"{"event":"a","userId":"u","messageId":"%","timestamp":"2026-01-21T11:30:00Z","context":{"ip":"10.0.0.1"}}"#
        func numbered(_ id: String) -> String { event.replacingOccurrences(of: "%", with: id) }
        let alone = Bench(keys: keys)
        _ = try await alone.send(numbered("m2"))

        let bench = Bench(keys: keys)
        _ = try await bench.send(#"{"sentAt":"2026-01-21T11:30:45.123Z","batch":[\#(numbered("m1"))]}"#, key: "trusted")
        // One that ends in the middle, behind events that were good.
        let unfinished = #"[\#(numbered("m3")),{"event":"a"},\#(numbered("m3")),7"#
        #expect(await bench.failure(unfinished, key: "trusted") == .invalidJSON)
        #expect(await bench.failure(#"{"batch":[\#(numbered("m4"))],"batch":[]}"#, key: "trusted") == .invalidBody)
        _ = try await bench.send(numbered("m2"))
        #expect(bench.log.records.count == 2)
        #expect(bench.log.records[1].value == alone.log.records[0].value)
        #expect(bench.log.records[1].headers == alone.log.records[0].headers)
    }

    // MARK: One bad event costs its neighbours nothing

    @Test func badEventsAreRejectedAloneAndKeptWithTheirErrors() async throws {
        let bench = Bench()
        let events = [
            #"{"event":"a","userId":"u","messageId":"m0"}"#, #"{"userId":"u","messageId":"m1"}"#,
            #"{"event":"big","userId":"u","v":1e400}"#,
            #"{"event":"n","userId":"u","v":123456789012345678901234567890}"#, #"{"event":"s","userId":"u","v":"\ud83d"}"#, "7",
            "{\"event\":\"d\",\"userId\":\"u\",\"v\":\(String(repeating: "[", count: 80))\(String(repeating: "]", count: 80))}",
            "\(String(repeating: "[", count: 10_000))\(String(repeating: "]", count: 10_000))",
            #"{"event":"a","event":"b","userId":"u"}"#, #"{"event":"z","userId":"u","messageId":"m8"}"#,
        ]
        let report = try await bench.send("[\(events.joined(separator: " , "))]")
        #expect((report.accepted, report.rejected) == (3, 7))
        #expect(report.results.map(\.index) == [1, 2, 3, 5, 6, 7, 8])
        #expect(
            report.results.map { $0.violations.first?.keyword } == [
                "required", "range", "range", "type", "maxDepth", "maxDepth", "uniqueNames",
            ])
        let rejected = bench.log.records.filter { $0.topic == 1 }
        #expect(rejected.map(\.value) == [1, 2, 3, 5, 6, 7, 8].map { events[$0] }, "the bytes as they were sent")
        #expect(rejected[0].headers["messageId"] == "m1")
        let errors = try #require(rejected[0].headers["errors"])
        #expect(errors == #"[{"path":"","keyword":"required","message":"event is required"}]"#)
        #expect(bench.log.records.contains { $0.value.contains(#""v":"\ufffd""#) })
    }

    @Test func anEventOverTheSizeLimitIsRejectedAlone() async throws {
        var limits = IngestLimits()
        limits.payloadBytes = 1000
        let bench = Bench(limits: limits)
        let long = String(repeating: "x", count: 900)
        let body = Array(#"[{"event":"a","userId":"u","v":"\#(long)\#(long)"},{"event":"b","userId":"u"}]"#.utf8)
        let request = IngestRequest(endpoint: .events, encoding: .gzip, writeKey: "k", clientAddress: IPAddress("::1")!)
        let compressed = try #require(gzip(body))
        let prepared = try compressed.withUnsafeBytes { try bench.pipeline.prepare(request, body: $0) }
        let report = try await bench.pipeline.commit(prepared)
        #expect((report.accepted, report.rejected) == (1, 1))
        #expect(report.results[0].violations.map(\.keyword) == ["maxBytes"])
    }

    @Test(arguments: [
        ("", IngestEndpoint.events, IngestError.Code.invalidJSON), ("  ", .events, .invalidJSON), ("{", .events, .invalidJSON),
        ("[]", .events, .emptyBatch), (#"{"batch":[]}"#, .batch, .emptyBatch), (#"{"batch":7}"#, .events, .invalidBody),
        ("7", .events, .invalidBody), ("null", .batch, .invalidBody), (#"{"event":"a","userId":"u"}"#, .batch, .invalidBody),
        (#"[{"event":"a","userId":"u"}]"#, .track, .invalidBody), (#"{"batch":[1],"batch":[2]}"#, .events, .invalidBody),
        (#"{"batch":[1],"batch":[2,1e999]}"#, .events, .invalidBody),
        (#"{"batch":[{}],"sentAt":"now"}"#, .events, .invalidBody),
        ("[\(Array(repeating: "1", count: 101).joined(separator: ","))]", .events, .tooManyEvents),
        (#"[{"event":"a","userId":"u"},]"#, .events, .invalidJSON),
        (#"{"batch":[{"v":1e400}],"sentAt":"now"}"#, .events, .invalidBody),
        (String(repeating: "[", count: 30_000), .events, .invalidJSON),
    ])
    func aBrokenOuterStructureIsRefusedAsAWhole(_ body: String, _ endpoint: IngestEndpoint, _ code: IngestError.Code) async {
        let bench = Bench()
        #expect(await bench.failure(body, endpoint: endpoint) == code)
        #expect(bench.log.records.isEmpty)
    }

    @Test func aWrapperIsFoundWhereTheParserRefusesTheWhole() async throws {
        let bench = Bench()
        let report = try await bench.send(
            #"{"writeKey":"k","b\u0061tch":[{"event":"a","userId":"u","v":1e999},{"event":"b","userId":"u"}]}"#, key: nil)
        #expect((report.accepted, report.rejected) == (1, 1))
    }

    // MARK: Write keys

    @Test func keysAreFoundInTheBodyAndChecked() async throws {
        let bench = Bench(keys: [
            WriteKey(key: "k"), WriteKey(key: "off", name: "off", isDisabled: true),
            WriteKey(key: "web", name: "web", allowedOrigins: ["https://okla.com.do"]),
        ])
        let event = #""event":"a","userId":"u""#
        #expect(try await bench.send("{\(event),\"writeKey\":\"k\"}", key: nil).accepted == 1)
        #expect(try await bench.send("{\"batch\":[{\(event)}],\"writeKey\":\"k\"}", key: nil).accepted == 1)
        #expect(await bench.failure("{\(event)}", key: nil) == .missingWriteKey)
        #expect(await bench.failure("[{\(event),\"writeKey\":\"k\"}]", key: nil) == .missingWriteKey)
        #expect(await bench.failure("{\(event)}", key: "nope") == .unknownWriteKey)
        #expect(await bench.failure("{\(event)}", key: "") == .unknownWriteKey)
        #expect(await bench.failure("{\(event)}", key: "off") == .writeKeyDisabled)
        #expect(await bench.failure("{\(event)}", key: "web", origin: "https://evil.example") == .originNotAllowed)
        #expect(try await bench.send("{\(event)}", key: "web", origin: "https://okla.com.do").accepted == 1)
        #expect(try await bench.send("{\(event)}", key: "web").accepted == 1)
    }

    // MARK: Deduplication

    @Test func aRepetitionIsADuplicateAtTheOriginalsPlace() async throws {
        let bench = Bench()
        let event = #"{"event":"a","userId":"u","messageId":"m"}"#
        let first = try await bench.send(event, receipts: true)
        let place = try #require(first.results.first?.place)
        for _ in 0..<3 {
            let again = try await bench.send(event)
            #expect((again.accepted, again.duplicates) == (0, 1))
            #expect(again.results.first?.place == place)
            #expect(again.results.first?.messageID == "m")
        }
        #expect(bench.log.records.count == 1)
    }

    @Test func aRepetitionWithinOneRequestIsADuplicateToo() async throws {
        let bench = Bench()
        let report = try await bench.send(
            #"[{"event":"a","userId":"u","messageId":"m"},{"event":"b","userId":"v","messageId":"m"}]"#, receipts: true)
        #expect((report.accepted, report.duplicates) == (1, 1))
        #expect(report.results[0].place == report.results[1].place)
        #expect(bench.log.records.map(\.key) == ["u"])
    }

    @Test(arguments: [nil, LogError.Code.outcomeUnknown, .notWritable])
    func aDuplicateOfOneInFlightWaitsAndSharesItsFate(_ failure: LogError.Code?) async throws {
        let bench = Bench()
        let event = #"{"event":"a","userId":"u","messageId":"m"}"#
        bench.log.hold()
        bench.log.fail(failure)
        async let first = bench.failure(event)
        while bench.log.heldCount == 0 { await Task.yield() }
        async let second = bench.failure("[\(event),{\"event\":\"b\",\"userId\":\"v\"}]")
        while bench.log.heldCount < 2 { await Task.yield() }
        bench.log.release()
        let expected: IngestError.Code? = failure == nil ? nil : .unavailable
        #expect(await first == expected)
        #expect(await second == expected)

        bench.log.fail(nil)
        // After a failed write only a restart decides; after a refusal, when nothing was written, the id is free.
        let later = await bench.failure(event)
        #expect(later == (failure == .outcomeUnknown ? .unavailable : nil))
        #expect(bench.log.records.filter { $0.headers["messageId"] == "m" }.count == (failure == .outcomeUnknown ? 0 : 1))
    }

    @Test func everyRepetitionOfOneInFlightFindsItsOwnOriginal() async throws {
        let bench = Bench()
        func event(_ id: Int) -> String { "{\"event\":\"a\",\"userId\":\"u\",\"messageId\":\"\(id)\"}" }
        // Events between them that reserve nothing, so that an event's number is not its reservation's.
        let ids = [0, 0, 1, 2, 2, 2, 3, 4, 1, 5, 6, 7]
        bench.log.hold()
        async let first = bench.send("[\(ids.map(event).joined(separator: ","))]", receipts: true)
        while bench.log.heldCount == 0 { await Task.yield() }
        async let second = bench.send("[\([7, 3, 0, 5, 1, 6, 2, 4].map(event).joined(separator: ","))]")
        while bench.log.heldCount < 2 { await Task.yield() }
        bench.log.release()
        let places = Dictionary(
            try await first.results.map { ($0.messageID, $0.place) },
            uniquingKeysWith: { one, other in
                #expect(one == other)
                return one
            })
        let repetitions = try await second.results
        #expect(places.count == 8 && repetitions.count == 8)
        for repetition in repetitions { #expect(repetition.place == places[repetition.messageID]!) }
    }

    @Test func requestsThatWaitForEachOtherBothEnd() async throws {
        let bench = Bench()
        bench.log.hold()
        func event(_ id: String) -> String { "{\"event\":\"a\",\"userId\":\"u\",\"messageId\":\"\(id)\"}" }
        let pipeline = bench.pipeline
        func prepare(_ body: String) throws -> PreparedRequest {
            try Array(body.utf8).withUnsafeBytes {
                try pipeline.prepare(
                    IngestRequest(endpoint: .events, writeKey: "k", clientAddress: IPAddress("::1")!), body: $0)
            }
        }
        // Each holds one id that the other one repeats.
        let first = try prepare("[\(event("x"))]")
        let second = try prepare("[\(event("y")),\(event("x"))]")
        let third = try prepare("[\(event("z")),\(event("y"))]")
        async let a = pipeline.commit(third)
        async let b = pipeline.commit(second)
        async let c = pipeline.commit(first)
        bench.log.release()
        #expect(try await [a.duplicates, b.duplicates, c.duplicates] == [1, 1, 0])
    }
}
