package import EventLog

/// How a consumer is getting on.
package struct ConsumerStatus: Sendable {
    package enum Activity: Sendable, Equatable {
        case starting
        /// There is more than it has taken.
        case catchingUp
        /// It has taken all that has come to rest.
        case following
        /// It could not go on, and tries again, or waits until it can.
        case retrying(reason: String)
        case stopped

        package var name: String {
            switch self {
            case .starting: "starting"
            case .catchingUp: "catching up"
            case .following: "following"
            case .retrying: "retrying"
            case .stopped: "stopped"
            }
        }
    }

    package struct Partition: Sendable {
        package let partition: TopicPartition
        /// Behind what it has taken.
        package let position: Int64
        /// From where it would go on after a restart.
        package let committed: Int64
        package let bounds: OffsetBounds

        /// Offsets that it has not taken.
        package var lag: Int64 { max(0, bounds.highWatermark.value - position) }
    }

    package let group: String
    package let activity: Activity
    package let partitions: [Partition]
    package let passedOver: PassedOver
    /// Since the process began.
    package let takenCount: Int64
    package let failureCount: Int64

    package var lag: Int64 { partitions.reduce(0) { $0 + $1.lag } }
}
