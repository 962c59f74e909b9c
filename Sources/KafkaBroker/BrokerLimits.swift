/// What the listener takes, so that nobody can fill the memory.
package struct BrokerLimits: Sendable {
    package var connectionsMax = 256
    /// One request, in bytes.
    package var requestBytesMax = 16 << 20
    /// A request of somebody who has not said yet who it is.
    package var requestBytesBeforeLoginMax = 64 << 10
    /// Produce requests of one connection that are on their way at once. Every other request is alone.
    package var requestsInFlightMax = 16
    /// All requests together that are being received or served, and the records that are being sent.
    package var memoryBytesMax = 256 << 20
    /// Within which a request that has begun must be there, in seconds.
    package var requestSecondsMax = 60
    /// Within which a connection must say something, in seconds: Kafka's `connections.max.idle.ms`.
    package var idleSecondsMax = 600
    /// One record batch: Kafka's `message.max.bytes`.
    package var messageBytesMax = 1_048_588
    /// One answer's records: Kafka's `fetch.max.bytes`.
    package var fetchBytesMax = 16 << 20
    /// How long a fetch may ask to wait, in milliseconds.
    package var fetchWaitMax: Int32 = 30_000
    package var topicsMax = 1000
    /// Of all topics that clients make.
    package var partitionsMax = 4096
    package var groupsMax = 1000
    package var membersMax = 200
    /// What one member says of itself, in bytes.
    package var memberBytesMax = 256 << 10
    /// What all members say of themselves, with their assignments.
    package var groupBytesMax = 64 << 20
    /// Committed offsets, with what is said of them.
    package var offsetBytesMax = 128 << 20
    package var groupNameBytesMax = 255
    /// Kafka's `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
    package var sessionTimeouts: ClosedRange<Int32> = 1000...1_800_000
    /// How far ahead of the clock a record's time may be: Kafka's `message.timestamp.after.max.ms`.
    package var timestampAheadMax: Int64 = 3_600_000

    package init() {}
}
