import EventLog
import EventModel
import Ingestion
import LogStorage
import RecordFormat

/// What ingestion is made of, with everything on: the built-in catalogue, user agents, places where a database is given, limits that
/// are in force and never reached, the ledger.
struct Parts {
    static let partitionCount = 12
    static let raw = TopicName("raw")!
    static let rejected = TopicName("rejected")!
    static let key = WriteKey(key: "bench-key")

    let catalogue: Catalogue
    let userAgents: UserAgentParser
    let enricher: Enricher
    let keys = WriteKeyRing([key])
    let limits: IngestLimits
    let now = ServiceClock.wall

    init(geo: String?) throws {
        catalogue = try Catalogue(CatalogueFile.builtIn)
        userAgents = try UserAgentParser(rulesFile: UserAgentParser.defaultRulesFile)
        enricher = Enricher(geo: try geo.map { try GeoDatabase(path: $0) }, userAgents: userAgents)
        var limits = IngestLimits()
        limits.addressEventsPerSecond = TokenBucket.eventsPerSecondMax
        self.limits = limits
    }

    /// The request with this number. Each comes from another address than the one before, so that its place is looked up;
    /// they lie in a network that the database in Fixtures/geo knows all of.
    func request(_ number: Int) -> IngestRequest {
        IngestRequest(
            endpoint: .events, encoding: .gzip, writeKey: Self.key.key,
            clientAddress: IPAddress("192.0.2.\(number % 250 + 1)")!, userAgent: "okla-bench/1.0")
    }

    /// One that knows a million ids already, so that its memory is in no cache.
    func deduplicator() -> Deduplicator {
        let deduplicator = Deduplicator(bounds: .init())
        let seconds = UInt32(now() / 1000)
        for request in 0..<1000 {
            let reservations = RequestReservations()
            let wanted = (0..<1000).map { event in
                let high = Self.mixed(UInt64(request * 1000 + event))
                return Deduplicator.Wanted(
                    event: event, identity: RecordIdentity(high: high, low: UInt32(truncatingIfNeeded: Self.mixed(high))))
            }
            var reserved: [Deduplicator.Reservation] = []
            deduplicator.reserve(wanted, for: reservations, arrival: seconds, cutoff: 0, into: &reserved)
            deduplicator.settle(reservations) { .stored(partition: 0, offset: Int64(request * 1000 + $0)) }
        }
        return deduplicator
    }

    func pipeline(_ log: any LogWriter, _ hasher: RecordIdentityHasher) -> IngestPipeline {
        IngestPipeline(
            log: log, hasher: hasher, deduplicator: deduplicator(), keys: keys, limits: limits,
            catalogue: CurrentCatalogue(catalogue), enricher: enricher,
            limiter: RateLimiter(
                bounds: .init(globalEventsPerSecond: TokenBucket.eventsPerSecondMax), clock: SteadyClock.nanoseconds),
            ledger: Ledger(
                LedgerCounts(partitionCount: Self.partitionCount + 1), keys: keys, events: catalogue.events.map(\.name),
                rawPartitionCount: Self.partitionCount),
            topic: Self.raw, rejectedTopic: Self.rejected, now: now)
    }

    /// splitmix64.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Goes on at once, on the thread that says so.
struct CallingThread: RequestExecutor {
    func execute(_ work: @escaping @Sendable () -> Void) { work() }
}
