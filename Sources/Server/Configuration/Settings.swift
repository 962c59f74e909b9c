internal import EventLog
package import EventModel
package import Exporters
package import Foundation
package import Ingestion
package import LogStorage

/// The service's configuration, typed and checked.
package struct Settings: Sendable {
    package var host = "127.0.0.1"
    package var port = 5050
    package var dataDirectory = "./data"
    /// The data directory is temporary and removed at the end.
    package var isEphemeral = false
    /// Empty: generated at the first start and kept in the data directory.
    package var writeKeys: [WriteKey] = []
    package var adminToken: String?
    package var jwt = JWTSettings()
    package var limits = IngestLimits()
    package var deduplication = Deduplicator.Bounds()
    /// Of the Redis that collectors share; nil: there is one collector.
    package var sharedDeduplicationURL: String?
    /// A directory whose schemas replace built-in ones, or add to them.
    package var catalogueFolder: String?
    package var unknownEvents = Catalogue.UnknownEvents.accept
    package var enrichment = EnrichmentSettings()
    package var trustedProxies = TrustedProxies()
    package var topic = "okla.events.raw"
    package var partitionCount = 12
    package var kafka = KafkaSettings()
    package var log = LogOptions()
    /// nil: as the default says, which depends on whether the data is temporary.
    private var configuredMinFreeBytes: Int?
    package var areMetricsPublic = false
    /// Whose days are counted.
    package var timeZone = TimeZone(identifier: "America/Santo_Domingo") ?? .gmt

    /// Bytes that stay free on the log's disk.
    package var minFreeBytes: Int { configuredMinFreeBytes ?? (isEphemeral ? 0 : 512 << 20) }

    /// Without an event for so long, a session has ended; in milliseconds.
    package var sessionTimeout: Int64 = 30 * 60_000

    /// Ways out of the log that are configured.
    package var exporters: [any ExporterSettings] = []

    package static let rejectedTopic = "okla.events.rejected"
    package static let derivedTopic = "okla.events.derived"

    package init() {}

    package init(_ sources: ConfigurationSources) throws {
        try sources.refuseWhatIsNotBuilt()
        writeKeys = try sources.writeKeys()
        adminToken = try sources.text("Admin.Token")
        if adminToken?.isEmpty == true { throw ConfigurationError("Admin.Token is empty") }
        jwt = try JWTSettings(sources)
        areMetricsPublic = try sources.boolean("Metrics.Public") ?? areMetricsPublic
        // 0 means no limit, up to what the engine itself can hold.
        limits.batchEvents =
            Self.unlimited(
                try sources.integer("EventTracking.BatchSize", 0...IngestLimits.batchEventsCeiling),
                ceiling: IngestLimits.batchEventsCeiling) ?? limits.batchEvents
        limits.payloadBytes =
            Self.unlimited(
                try sources.integer("EventTracking.MaxPayloadSize", 0...IngestLimits.inflatedBytesCeiling),
                ceiling: IngestLimits.inflatedBytesCeiling) ?? limits.payloadBytes
        limits.inflatedBytes =
            Self.unlimited(
                try sources.integer("EventTracking.MaxInflatedSize", 0...IngestLimits.inflatedBytesCeiling),
                ceiling: IngestLimits.inflatedBytesCeiling) ?? limits.inflatedBytes
        let rates = 0...TokenBucket.eventsPerSecondMax
        limits.globalEventsPerSecond =
            try sources.integer("EventTracking.RateLimits.Global", rates) ?? limits.globalEventsPerSecond
        limits.addressEventsPerSecond =
            try sources.integer("EventTracking.RateLimits.PerIP", rates) ?? limits.addressEventsPerSecond
        _ = try sources.duration("EventTracking.FlushInterval")
        if let window = try sources.duration("EventTracking.Dedup.Window") {
            deduplication.windowSeconds = UInt32(clamping: window == 0 ? Int64.max : (window + 999) / 1000)
        }
        deduplication.entriesMax =
            Self.unlimited(
                try sources.integer("EventTracking.Dedup.MaxEntries", 0...Self.identitiesCeiling),
                ceiling: Self.identitiesCeiling) ?? deduplication.entriesMax
        if let url = try sources.text("EventTracking.Dedup.RedisUrl"), !url.isEmpty {
            do { try RedisClaims.check(url: url) } catch let error as ExporterRefusal {
                throw ConfigurationError("EventTracking.Dedup.RedisUrl \(error)")
            }
            sharedDeduplicationURL = url
        }
        if let timeout = try sources.duration("EventTracking.SessionTimeout") {
            if timeout <= 0 {
                throw ConfigurationError("EventTracking.SessionTimeout is 0; a session ends after a time without events")
            }
            sessionTimeout = timeout
        }
        catalogueFolder = try sources.text("EventTracking.Catalog")
        unknownEvents = try sources.choice("EventTracking.UnknownEvents", Catalogue.UnknownEvents.self) ?? unknownEvents
        enrichment = try EnrichmentSettings(sources)
        do {
            let networks = try IPNetworks(texts: try sources.texts("EventTracking.TrustedProxies") ?? ["loopback"])
            trustedProxies = TrustedProxies(networks: networks)
        } catch let error as IPNetworkError {
            throw ConfigurationError("EventTracking.TrustedProxies: \(error)")
        }
        if let name = try sources.text("Kafka.Topic") {
            guard TopicName(name) != nil, ![Self.rejectedTopic, Self.derivedTopic].contains(name) else {
                throw ConfigurationError(
                    "Kafka.Topic is \"\(name)\"; it must be 1 to \(TopicName.charactersMax) letters, digits, '.', '_', '-', "
                        + "and neither \(Self.rejectedTopic) nor \(Self.derivedTopic)")
            }
            topic = name
        }
        partitionCount = try sources.integer("Kafka.Partitions", 1...TopicDefinition.partitionsMax) ?? partitionCount
        kafka = try KafkaSettings(sources)
        for name in kafka.writableTopics where ![topic, Self.rejectedTopic, Self.derivedTopic].contains(name) {
            throw ConfigurationError(
                "Kafka.WritableTopics names \(name); it may name \(topic), \(Self.rejectedTopic) and \(Self.derivedTopic), all others "
                    + "are the clients' own")
        }
        timeZone = try sources.timeZone("Redis.TimeZone") ?? timeZone
        try readLog(sources)
        exporters = try ExporterKinds.configured(sources)
    }

    /// Above this, arrival numbers in the table of messageIds would not be distinct.
    private static let identitiesCeiling = 1 << 30

    private mutating func readLog(_ sources: ConfigurationSources) throws {
        log.durability = try sources.choice("Log.Durability", LogOptions.Durability.self) ?? log.durability
        if let bytes = try sources.integer("Log.SegmentBytes", 0...LogOptions.segmentBytesMax) {
            guard bytes == 0 || bytes >= LogOptions.segmentBytesMin else {
                throw ConfigurationError("Log.SegmentBytes is \(bytes); it must be at least \(LogOptions.segmentBytesMin)")
            }
            log.segmentBytes = bytes == 0 ? LogOptions.segmentBytesMax : bytes
        }
        if let age = try sources.duration("Log.SegmentAge") { log.segmentAgeMilliseconds = age == 0 ? nil : age }
        if let bytes = try sources.integer("Log.RetentionBytes", 0...Int.max) {
            log.retentionBytes = bytes == 0 ? nil : bytes
        }
        configuredMinFreeBytes = try sources.integer("Log.MinFreeBytes", 0...Int.max)
        log.lingerMilliseconds = try sources.duration("Log.Linger") ?? log.lingerMilliseconds
        if let age = try sources.duration("Log.RetentionAge") { log.retentionAgeMilliseconds = age == 0 ? nil : age }
    }

    private static func unlimited(_ value: Int?, ceiling: Int) -> Int? { value == 0 ? ceiling : value }
}
