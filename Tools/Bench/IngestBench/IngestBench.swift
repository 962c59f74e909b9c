import CDeflate
import EventLog
import EventModel
import Foundation
import Ingestion
import RecordFormat

/// Runs requests through `IngestPipeline.prepare` on one thread, without HTTP and without a log: what decoding, checking,
/// deduplicating and splicing cost. Prints one line of JSON. For a profiler: `valgrind --tool=callgrind ingest-bench 20 100`.
///
///     ingest-bench REQUESTS EVENTS-PER-REQUEST
@main
struct IngestBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let requests = Int(arguments[1]), let size = Int(arguments[2]), requests > 0, size > 0 else {
            FileHandle.standardError.write(Data("usage: ingest-bench REQUESTS EVENTS-PER-REQUEST\n".utf8))
            exit(64)
        }
        let hasher = RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2))
        var limits = IngestLimits()
        limits.batchEvents = max(limits.batchEvents, size)
        // More than can come, so that the limits are there and refuse nothing.
        limits.addressEventsPerSecond = TokenBucket.eventsPerSecondMax
        let keys = WriteKeyRing([WriteKey(key: "bench-key")])
        let pipeline = IngestPipeline(
            log: NoLog(), hasher: hasher, deduplicator: Deduplicator(bounds: .init()),
            keys: keys, limits: limits,
            catalogue: CurrentCatalogue(try Catalogue(CatalogueFile.builtIn)),
            enricher: Enricher(userAgents: try UserAgentParser(rulesFile: UserAgentParser.defaultRulesFile)),
            limiter: RateLimiter(
                bounds: .init(globalEventsPerSecond: TokenBucket.eventsPerSecondMax), clock: SteadyClock.nanoseconds),
            ledger: Ledger(LedgerCounts(partitionCount: 13), keys: keys, events: [], rawPartitionCount: 12),
            topic: TopicName("raw")!,
            rejectedTopic: TopicName("rejected")!, now: { 1_769_000_000_000 })
        let bodies = (0..<requests).map { number in body(number * size..<(number + 1) * size) }
        let request = IngestRequest(
            endpoint: .events, encoding: size > 1 ? .gzip : .identity, writeKey: "bench-key",
            clientAddress: IPAddress("127.0.0.1")!)
        let started = cpuSeconds()
        for body in bodies {
            try body.withUnsafeBytes { _ = try pipeline.prepare(request, body: $0) }
        }
        let events = requests * size
        print("{\"events\":\(events),\"cpu_ns_per_event\":\(Int((cpuSeconds() - started) * 1e9 / Double(events)))}")
    }

    /// One event as it is, several as a gzipped array.
    private static func body(_ numbers: Range<Int>) -> [UInt8] {
        let events = numbers.map(event)
        guard events.count > 1 else { return Array(events[0].utf8) }
        let text = Array("[\(events.joined(separator: ","))]".utf8)
        let compressor = libdeflate_alloc_compressor(6)
        defer { libdeflate_free_compressor(compressor) }
        return [UInt8](unsafeUninitializedCapacity: libdeflate_gzip_compress_bound(compressor, text.count)) { target, count in
            count = libdeflate_gzip_compress(compressor, text, text.count, target.baseAddress, target.count)
        }
    }

    private static func event(_ number: Int) -> String {
        """
        {"event":"vehicle_view","timestamp":"2026-01-21T10:\(10 + number % 50):00.\(100 + number % 900)Z","messageId":\
        "\(UUID().uuidString.lowercased())","context":{"page":{"url":"https://okla.com.do/vehiculo/toyota-rav4-\(number % 20_000)",\
        "title":"Toyota RAV4 XLE 2024 - OKLA","referrer":"https://google.com"},"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","locale":"es-DO","timezone":"America/Santo_Domingo",\
        "screen":{"width":1920,"height":1080},"campaign":{"source":"google","medium":"cpc","campaign":"q1-suv","term":"toyota rav4",\
        "content":"ad-variant-a"}},"userId":"user-\(number * 7919 % 50_000)","anonymousId":"anon-\(number * 31 % 60_000)","sessionId":\
        "session-\(number * 17 % 90_000)","properties":{"vehicleId":"vehicle-\(number % 20_000)","source":"home","position":3}}
        """
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Has the two topics; nothing is appended.
private struct NoLog: LogWriter {
    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        name.text == "raw" ? (TopicHandle(index: 0), 12) : (TopicHandle(index: 1), 1)
    }

    func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void) {
        preconditionFailure("nothing is committed here")
    }
}
