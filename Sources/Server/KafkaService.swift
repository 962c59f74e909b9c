internal import Foundation
internal import KafkaBroker
internal import LogStorage
internal import Logging
internal import NIOCore

/// Starts the listener for Kafka's clients, where one is configured.
struct KafkaService: Sendable {
    let settings: Settings
    let descriptors: DescriptorBudget
    let logger: Logger

    /// Its loops, and what they wake each other with.
    private static let loopDescriptors = 16

    /// Of its connections, which take no more than an eighth of what the process may open, and its loops.
    static func descriptorsMax(_ settings: Settings, limit: Int) -> Int {
        settings.kafka.listen == nil ? 0 : connectionsMax(limit: limit) + loopDescriptors
    }

    private static func connectionsMax(limit: Int) -> Int { min(BrokerLimits().connectionsMax, limit / 8) }

    /// nil: there is none, or the address that nobody has asked for is taken.
    func start(_ engine: Engine, consumers: ConsumerGroups) async throws -> KafkaListener? {
        guard var broker = settings.kafka.broker(ownTopics: [engine.topic, engine.rejectedTopic, engine.derivedTopic]) else {
            return nil
        }
        // Whoever wants any free port for HTTP has several services, and they would all want this one.
        if settings.kafka.isDefault && settings.port == 0 { broker.port = 0 }
        broker.limits.connectionsMax = Self.connectionsMax(limit: descriptors.limit)
        do {
            return try await KafkaListener.start(
                log: engine.log, settings: broker, builtIn: BuiltInConsumers(runners: consumers.runners),
                reservePartitions: descriptors.reserve, logger: logger, now: ServiceClock.wall, uptime: ServiceClock.uptime)
        } catch let error as IOError {
            let reason =
                "cannot listen on \(broker.host):\(broker.port) for Kafka's clients: \(String(cString: strerror(error.errnoCode)))"
            guard settings.kafka.isDefault else {
                throw ConfigurationError("\(reason); choose another address with Kafka.Listen, or \"\" for none")
            }
            logger.warning(
                "Kafka's clients are not served; everything else is. Kafka.Listen names another address, or none with \"\"",
                metadata: ["reason": "\(reason)"])
            return nil
        }
    }
}
