internal import Exporters

/// Every way out of the log that this service has. A new one is a folder in `Sources/Exporters`, and a line here.
enum ExporterKinds {
    static let all: [any ExporterSettings.Type] = [
        ClickHouseSettings.self, RedisSettings.self, RabbitMQSettings.self, KafkaMirrorSettings.self,
    ]

    /// Those that are configured.
    static func configured(_ sources: ConfigurationSources) throws -> [any ExporterSettings] {
        do { return try all.compactMap { try $0.init(sources) } } catch let error as ExporterRefusal {
            throw ConfigurationError(error.description)
        }
    }
}

extension ConfigurationSources: ExporterConfiguration {}
