internal import Exporters

/// A key that the configuration may hold.
struct ConfigurationKey: Sendable {
    enum Availability: Sendable, Equatable {
        case available
        /// Parses, but the part it belongs to is not in this version.
        case notInThisVersion(String)
    }

    /// As in the file, levels joined by a point.
    let path: String
    let availability: Availability

    init(_ path: String, _ availability: Availability = .available) {
        self.path = path
        self.availability = availability
    }

    /// Its name in the environment: upper snake case of the path.
    var environmentName: String {
        path.split(separator: ".").map { Self.snake(String($0)) }.joined(separator: "_")
    }

    /// `RateLimits` -> `RATE_LIMITS`, `PerIP` -> `PER_IP`, `Bot Detection` -> `BOT_DETECTION`.
    static func snake(_ name: String) -> String {
        var result = ""
        var characters = Array(name)[...]
        var previous: Character?
        while let character = characters.popFirst() {
            if character == " " {
                result.append("_")
            } else {
                let startsWord =
                    character.isUppercase
                    && (previous.map { $0.isLowercase || $0.isNumber } ?? false
                        || (previous?.isUppercase ?? false) && (characters.first?.isLowercase ?? false))
                if startsWord { result.append("_") }
                result += character.uppercased()
            }
            previous = character
        }
        return result
    }

    /// Every key there is. One that belongs to a part still to be built refuses to start when it is set.
    static let all: [ConfigurationKey] =
        eventTracking + kafka + log + exporters
        + [
            .init("Admin.Token"), .init("Admin.JWT.Secret"), .init("Admin.JWT.JwksFile"), .init("Admin.JWT.Issuer"),
            .init("Admin.JWT.Audience"), .init("Metrics.Public"),
        ]

    private static let eventTracking: [ConfigurationKey] = [
        .init("EventTracking.WriteKey"), .init("EventTracking.WriteKeys"), .init("EventTracking.BatchSize"),
        // The browser SDK's own rhythm; in the source's example.
        .init("EventTracking.FlushInterval"),
        .init("EventTracking.MaxPayloadSize"), .init("EventTracking.MaxInflatedSize"),
        .init("EventTracking.RateLimits.Global"),
        .init("EventTracking.RateLimits.PerIP"),
        .init("EventTracking.Enrichment.GeoIP"), .init("EventTracking.Enrichment.UserAgent"),
        .init("EventTracking.Enrichment.Bot Detection"), .init("EventTracking.Enrichment.GeoIPDatabase"),
        .init("EventTracking.Enrichment.UserAgentRules"), .init("EventTracking.Enrichment.AnonymizeIP"),
        .init("EventTracking.TrustedProxies"),
        .init("EventTracking.Catalog"), .init("EventTracking.UnknownEvents"),
        .init("EventTracking.Dedup.Window"), .init("EventTracking.Dedup.MaxEntries"),
        .init("EventTracking.Dedup.RedisUrl"),
        .init("EventTracking.SessionTimeout"),
    ]

    private static let kafka: [ConfigurationKey] = [
        .init("Kafka.Brokers", .notInThisVersion("the Kafka cluster engine")), .init("Kafka.Topic"),
        .init("Kafka.Partitions"), .init("Kafka.AutoCreateTopics"), .init("Kafka.Listen"), .init("Kafka.Advertise"),
        .init("Kafka.Users"), .init("Kafka.WritableTopics"), .init("Kafka.TLS.CertificateFile"), .init("Kafka.TLS.KeyFile"),
    ]

    private static let log: [ConfigurationKey] = [
        .init("Log.Durability"), .init("Log.SegmentBytes"), .init("Log.SegmentAge"), .init("Log.RetentionBytes"),
        .init("Log.RetentionAge"), .init("Log.MinFreeBytes"), .init("Log.Linger"),
    ]

    private static let exporters: [ConfigurationKey] =
        ExporterKinds.all.flatMap { $0.keys.map { .init($0) } }
        // Whose days the statistics count, also without Redis.
        + [.init("Redis.TimeZone")]
}
