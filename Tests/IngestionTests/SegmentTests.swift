import EventModel
import Ingestion
import Testing

/// Segment's calls, through the pipeline.
@Suite struct SegmentTests {
    typealias Bench = IngestPipelineTests.Bench

    static let end = #","receivedAt":"2026-01-21T10:30:45.123Z""#
    static let context = #""context":{"ip":"192.0.2.7"}"#

    @Test(arguments: [
        // The type goes where an event has its name, and is its name where it has none.
        (
            IngestEndpoint.segmentTrack, #"{"type":"track","event":"a","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentTrack, #"{"event":"a","userId":"u","messageId":"m","context":{},"type":"track"}"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentPage, #"{"userId":"u", "type" : "page" ,"messageId":"m","properties":{"url":"x"},"context":{}}"#,
            #"{"userId":"u", "event":"page_view" ,"messageId":"m","properties":{"url":"x"},CONTEXT RECEIVED}"#
        ),
        (
            .segmentScreen, #"{"type":"screen","name":"Home","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"screen_view","name":"Home","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        // The address says it where the event does not.
        (
            .segmentAlias, #"{"previousId":"p","userId":"u","messageId":"m","context":{}}"#,
            #"{"previousId":"p","userId":"u","messageId":"m",CONTEXT RECEIVED,"event":"alias"}"#
        ),
        // A name that the call does not have is replaced.
        (
            .segmentGroup, #"{"event":"mine","type":"group","groupId":"g","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"group","groupId":"g","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentGroup, #"{"type":"group","event":null,"groupId":"g","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"group","groupId":"g","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        // Traits may stand in the context, where they also stay.
        (
            .segmentIdentify, #"{"type":"identify","userId":"u","messageId":"m","context":{"traits":{"name":"J"}}}"#,
            #"{"event":"identify","userId":"u","messageId":"m","context":{"traits":{"name":"J"},"ip":"192.0.2.7"} RECEIVED,"traits":{"name":"J"}}"#
        ),
        (
            .segmentIdentify,
            #"{"type":"identify","traits":null,"userId":"u","messageId":"m","context":{"traits":{"name":"J"}}}"#,
            #"{"event":"identify","traits":{"name":"J"},"userId":"u","messageId":"m","context":{"traits":{"name":"J"},"ip":"192.0.2.7"} RECEIVED}"#
        ),
        (
            .segmentIdentify, #"{"type":"identify","traits":{},"userId":"u","messageId":"m","context":{"traits":{"name":"J"}}}"#,
            #"{"event":"identify","traits":{},"userId":"u","messageId":"m","context":{"traits":{"name":"J"},"ip":"192.0.2.7"} RECEIVED}"#
        ),
        // As on /api/events/page.
        (
            .segmentPage, #"{"type":"page","userId":"u","messageId":"m","context":{"page":{"url":"x"}}}"#,
            #"{"event":"page_view","userId":"u","messageId":"m","context":{"page":{"url":"x"},"ip":"192.0.2.7"} RECEIVED,"properties":{"url":"x"}}"#
        ),
        // What is removed may stand side by side, at either end.
        (
            .segmentTrack, #"{"writeKey":"k","type":"track","event":"a","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentTrack, #"{"type":"track","writeKey":"k" , "event":"a","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentTrack, #"{"event":"a","userId":"u","messageId":"m","context":{} , "type":"track" , "writeKey":"k" }"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT  RECEIVED}"#
        ),
        (
            .segmentTrack, #"{"event":"a","writeKey":"k","userId":"u","type":"track","messageId":"m","context":{}}"#,
            #"{"event":"a","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentIdentify, #"{"writeKey":"k","type":"identify","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"identify","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
        (
            .segmentIdentify, #"{"type":"identify","writeKey":"k","userId":"u","messageId":"m","context":{}}"#,
            #"{"event":"identify","userId":"u","messageId":"m",CONTEXT RECEIVED}"#
        ),
    ])
    func theCallIsStoredAsAnEvent(_ endpoint: IngestEndpoint, _ sent: String, _ stored: String) async throws {
        let expected = stored.replacing("CONTEXT", with: Self.context).replacing(" RECEIVED", with: Self.end)
        for endpoint in [endpoint, .segmentBatch] {
            // In a batch the type must say what it is.
            if endpoint == .segmentBatch, !sent.contains("\"type\"") { continue }
            let bench = Bench()
            let body = endpoint == .segmentBatch ? #"{"batch":[\#(sent)],"writeKey":"k"}"# : sent
            let report = try await bench.send(body, endpoint: endpoint)
            #expect((report.accepted, report.rejected) == (1, 0), "\(report)")
            let record = try #require(bench.log.records.first)
            #expect(record.value == expected)
            #expect(record.value.contains("\"event\":\"\(record.headers["event"] ?? "")\""))
        }
    }

    @Test(arguments: [
        (#"{"batch":[{"userId":"u","event":"a"}]}"#, "", "required"),
        (#"{"batch":[{"userId":"u","event":"a","type":null}]}"#, "", "required"),
        (#"{"batch":[{"userId":"u","event":"a","type":"TRACK"}]}"#, "/type", "enum"),
        (#"{"batch":[{"userId":"u","event":"a","type":7}]}"#, "/type", "enum"),
        (#"{"batch":[{"userId":"u","type":"track"}]}"#, "", "required"), (#"{"batch":[7]}"#, "", "type"),
        (#"{"batch":[{"userId":"u","type":"page"}]}"#, "/properties", "required"),
        (#"{"batch":[{"userId":"u","type":"identify","context":{"traits":{"email":7}}}]}"#, "/traits/email", "type"),
        // What is no batch is one event that is rejected, and kept.
        (#"{"batch":{}}"#, "", "required"), (#"{}"#, "", "required"), ("[]", "", "required"), ("7", "", "required"),
        (#"{"batch":[],"batch":[]}"#, "", "required"), (#"{"batch":[1e999],"batch":[]}"#, "", "required"),
        (#"{"batch":1e999}"#, "", "required"), (#"[1e999]"#, "", "required"), (#"{"batch":[1e999]}"#, "", "range"),
    ])
    func oneThatIsWrongIsRejectedAlone(_ body: String, _ path: String, _ keyword: String) async throws {
        let bench = Bench()
        let report = try await bench.send(body, endpoint: .segmentBatch)
        #expect((report.accepted, report.rejected) == (0, 1))
        #expect(report.results.first?.violations.first?.path == path, "\(report)")
        #expect(report.results.first?.violations.first?.keyword == keyword, "\(report)")
        #expect(bench.log.records.first?.headers["endpoint"] == "v1/batch")
    }

    @Test(arguments: [
        "7", "[]", "{}", "null", "1e999", "[1e999]", #"{"event":1e999}"#, #"{"sentAt":"a","sentAt":"a","n":1e999}"#,
        #"{"batch":1,"batch":2,"n":1e999}"#, #"{"batch":1,"batch":2}"#,
    ])
    func whatIsNoEventIsRejectedAndKept(_ body: String) async throws {
        let bench = Bench()
        let report = try await bench.send(body, endpoint: .segmentTrack)
        #expect((report.accepted, report.rejected) == (0, 1))
        #expect(bench.log.records.first?.value == body)
    }

    @Test func aBatchWithoutEventsAndATimeThatIsNoneLoseNothing() async throws {
        let bench = Bench()
        let empty = try await bench.send(#"{"batch":[]}"#, endpoint: .segmentBatch)
        #expect((empty.accepted, empty.duplicates, empty.rejected) == (0, 0, 0))
        let body = #"{"batch":[{"type":"track","event":"a","userId":"u"}],"sentAt":"yesterday"}"#
        #expect(try await bench.send(body, endpoint: .segmentBatch).accepted == 1)
    }

    @Test func aBatchHasSegmentsLimitsAndItsEventsTheUsualOne() async throws {
        let bench = Bench()
        func event(_ bytes: Int) -> String {
            #"{"type":"track","event":"a","userId":"u","pad":"\#(String(repeating: "x", count: bytes))"}"#
        }
        func batch(_ events: [String]) -> String { #"{"batch":[\#(events.joined(separator: ","))]}"# }
        let wide = try await bench.send(batch(Array(repeating: event(10), count: 2500)), endpoint: .segmentBatch)
        #expect(wide.accepted == 2500)
        #expect(await bench.failure(batch(Array(repeating: "7", count: 2501)), endpoint: .segmentBatch) == .tooManyEvents)
        let long = try await bench.send(
            batch(Array(repeating: event(30_000), count: 15) + [event(33_000)]), endpoint: .segmentBatch)
        #expect((long.accepted, long.rejected) == (15, 1))
        #expect(
            await bench.failure(batch(Array(repeating: event(30_000), count: 18)), endpoint: .segmentBatch) == .payloadTooLarge)
        #expect(await bench.failure(event(33_000), endpoint: .segmentTrack) == .payloadTooLarge)
        // The usual batch has the usual limits.
        #expect(await bench.failure(batch(Array(repeating: event(10), count: 101)), endpoint: .batch) == .tooManyEvents)
    }
}
