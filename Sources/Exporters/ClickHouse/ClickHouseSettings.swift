internal import Consumption
internal import EventLog

/// Keeps every event as a row in a ClickHouse.
package struct ClickHouseSettings: ExporterSettings {
    package static let name = "clickhouse"
    package static let keys = [
        "Host", "Port", "Database", "User", "Password", "TLS", "BufferSize", "FlushInterval", "StitchInterval",
    ].map { "ClickHouse.\($0)" }

    /// Rows that a server stores all or none of (its max_insert_block_size is 1,048,576).
    private static let bufferMax = 1_000_000

    let address: ClickHouseAddress
    let database: String
    /// Rows of one insert.
    let bufferSize: Int
    /// How long rows wait for others, in milliseconds.
    let flushMilliseconds: Int64
    /// From one update of rows whose user became known to the next, in milliseconds.
    let stitchMilliseconds: Int64

    package init?(_ configuration: any ExporterConfiguration) throws {
        guard let host = try configuration.text("ClickHouse.Host"), !host.isEmpty else { return nil }
        guard host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".-:_".contains($0)) }) else {
            throw ExporterRefusal(
                "ClickHouse.Host is \"\(host)\"; it must be a host's name or address, without a scheme and a port")
        }
        let isTLS = try configuration.boolean("ClickHouse.TLS") ?? false
        address = ClickHouseAddress(
            host: host, port: try configuration.integer("ClickHouse.Port", 1...65535) ?? (isTLS ? 8443 : 8123), isTLS: isTLS,
            user: try configuration.text("ClickHouse.User") ?? "default",
            password: try configuration.text("ClickHouse.Password") ?? "")
        database = try configuration.text("ClickHouse.Database") ?? "events"
        guard !database.isEmpty else { throw ExporterRefusal("ClickHouse.Database is empty") }
        bufferSize = try configuration.integer("ClickHouse.BufferSize", 1...Self.bufferMax) ?? 10_000
        flushMilliseconds = try Self.positive("ClickHouse.FlushInterval", configuration) ?? 1000
        stitchMilliseconds = try Self.positive("ClickHouse.StitchInterval", configuration) ?? 30_000
    }

    private static func positive(_ key: String, _ configuration: any ExporterConfiguration) throws -> Int64? {
        guard let milliseconds = try configuration.duration(key) else { return nil }
        guard milliseconds > 0 else { throw ExporterRefusal("\(key) is 0; it must be longer") }
        return milliseconds
    }

    package func makeExporter(_ context: ExporterContext) -> Exporter {
        let client = ClickHouseClient(address)
        let warn: @Sendable (String) -> Void = { context.warn(Self.name, $0) }
        let inserter = ClickHouseInserter(
            client, database: database, logName: context.logName, hasher: context.hasher, warn: warn)
        return Exporter(
            name: Self.name,
            readers: [
                .init(topic: context.events, consumer: ClickHouseConsumer(inserter, settings: self, context: context))
            ],
            makeReplayTarget: { ClickHouseReplayTarget(inserter, aliases: context.aliases, warn: warn) },
            metrics: [inserter.counts], close: client.close)
    }
}
