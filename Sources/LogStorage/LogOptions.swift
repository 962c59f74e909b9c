/// How the embedded log keeps its files.
package struct LogOptions: Sendable {
    package enum Durability: String, Sendable, CaseIterable {
        /// Acknowledge after fdatasync: survives a power cut.
        case fsync
        /// Acknowledge after write: survives the end of the process, not of the machine.
        case os
    }

    package static let segmentBytesMin = 64 << 10
    /// Positions within a segment are 32-bit in Kafka's index.
    package static let segmentBytesMax = Int(Int32.max)

    package var durability = Durability.fsync
    package var segmentBytes = 256 << 20
    /// Milliseconds from a segment's first record until the next segment begins; nil: no limit.
    package var segmentAgeMilliseconds: Int64? = 24 * 3600 * 1000
    /// Bytes of one partition above which its oldest closed segments go; nil: no limit.
    package var retentionBytes: Int?
    /// Age of a segment's newest record above which it goes; nil: no limit.
    package var retentionAgeMilliseconds: Int64?

    /// Uncompressed records in one batch. A reader of one record inflates its whole batch, and LZ4 blocks are at most 256 KiB
    /// and independent, so larger batches would not be smaller on disk.
    package var batchBytes = 256 << 10
    /// How long acknowledged records, which are in the journal, wait for others to fill their batch before they are written to their
    /// segment. Who wants to read them does not wait. 0: not at all.
    package var lingerMilliseconds: Int64 = 1000
    /// Bytes handed to the log and not yet durable, above which appends are refused as overloaded.
    package var queueBytesMax = 64 << 20
    /// New bytes in all partitions after which the recovery points move up; what lies behind is what a restart must scan.
    package var checkpointBytes = 64 << 20
    /// A file of the journal, in bytes; three of them are in use at full speed, and the recovery points move when two are full: what a point costs is
    /// mostly syncs, of each partition, and one for every file would slow down those who write.
    package var journalFileBytes = 16 << 20
    /// Groups from so many bytes on are compressed for the journal one by one, smaller ones together.
    package var journalPieceBytes = 16 << 10
    package var checkpointIntervalMilliseconds: Int64 = 30_000
    package var retentionIntervalMilliseconds: Int64 = 60_000
    /// Bytes that stay free on the log's disk: with less, appends are refused before anything is written. 0: no limit.
    package var minFreeBytes = 0
    /// Threads for recovery and reads.
    package var workerThreads = 16

    package init() {}
}
