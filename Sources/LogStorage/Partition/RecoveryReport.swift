internal import EventLog

/// What recovery found, and the partition as it can go on.
struct RecoveredPartition: Sendable {
    var segments: [Segment]
    var state: PartitionState
    var lastTimestamp: Int64
    var report: RecoveryReport
    var activeCaches: SegmentCaches
    /// What is known of producers, and where the snapshot begins that said so.
    var producers = ProducerRecovery.Result()
}

package struct RecoveryReport: Sendable, Equatable {
    /// Bytes whose checksums were read.
    package var scannedBytes = 0
    /// Bytes found above the recovery point: written again and synced.
    package var recoveredBytes = 0
    /// Caches of closed segments could not be written: the recovery point must stay where it is.
    package var hasStaleCaches = false
    /// Bytes cut off behind the last whole batch.
    package var cutBytes = 0
    /// Where the cut bytes are kept; nil where they were all zero.
    package var keptAt: String?
    /// Damage that was set aside and replaced.
    package var quarantined: [KnownDamage.Item] = []
    /// Damage that stays where it is: nothing fits in its place, or there is no room to keep its bytes.
    package var left: [KnownDamage.Item] = []
}
