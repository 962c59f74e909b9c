internal import EventLog
internal import KafkaProtocol
internal import LogStorage
internal import NIOCore
internal import NIOPosix

/// What the handlers share: the log, the settings, and the threads that may wait for a disk.
final class Broker: Sendable {
    let log: EmbeddedLog
    let settings: BrokerSettings
    let workers: NIOThreadPool
    let memory: MemoryBudget
    let topics: TopicKeeper
    let meters = BrokerMeters()
    let now: @Sendable () -> Int64

    var limits: BrokerLimits { settings.limits }

    /// There is one broker, and this is its number.
    static let nodeID: Int32 = 1
    /// All records are of this leader's epoch.
    static let leaderEpoch: Int32 = 0

    init(
        log: EmbeddedLog, settings: BrokerSettings, workers: NIOThreadPool,
        reservePartitions: @escaping @Sendable (Int) -> Bool, now: @escaping @Sendable () -> Int64
    ) {
        self.log = log
        self.settings = settings
        self.workers = workers
        self.now = now
        memory = MemoryBudget(byteCountMax: settings.limits.memoryBytesMax)
        topics = TopicKeeper(log: log, settings: settings, reservePartitions: reservePartitions)
    }

    /// Kafka's identifier of a cluster.
    var clusterID: String { log.clusterID }

    /// A partition as a request names it; nil: there is none.
    func partition(_ topic: String, _ number: Int32) -> TopicPartition? {
        guard let name = TopicName(topic), let (_, count) = log.topic(named: name), (0..<count).contains(Int(number)) else {
            return nil
        }
        return TopicPartition(name, PartitionID(Int(number)))
    }

    /// Runs `body` on a thread that may wait for a disk.
    func onWorker(_ body: @escaping @Sendable () -> Void) {
        workers.submit { state in
            // At the end nobody waits for an answer any more.
            if case .active = state { body() }
        }
    }
}

extension EmbeddedLog {
    /// Another one for each log, 22 characters as Kafka's are.
    var clusterID: String {
        let mark = Array("kafka cluster".utf8).withUnsafeBytes { identityHasher.identity(of: $0) }
        let digits = String(mark.high, radix: 36) + String(mark.low, radix: 36)
        return String((digits + String(repeating: "0", count: 22)).prefix(22))
    }
}

extension KafkaErrorCode {
    /// What a client is told of a failure of the log.
    init(_ error: LogError) {
        switch error.code {
        case .unknownTopic: self = .unknownTopicOrPartition
        case .offsetOutOfRange: self = .offsetOutOfRange
        // All of these let the client try again, and an idempotent one without repetition.
        case .overloaded: self = .notEnoughReplicas
        case .closing: self = .notLeaderOrFollower
        case .notWritable, .lowSpace, .outcomeUnknown, .damaged, .io, .locked: self = .kafkaStorageError
        case .invalidArgument: self = .invalidRequest
        }
    }
}
