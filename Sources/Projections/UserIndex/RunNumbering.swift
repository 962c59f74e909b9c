/// How offsets are cut into runs: every partition's offsets from a multiple of `length` to the next one are one run. So a run's content follows
/// from the log alone, whenever the service was stopped.
struct RunNumbering: Sendable, Equatable {
    /// Postings in memory, of all partitions together: those of the runs that are not full yet.
    private static let postingsMax = 1 << 20
    private static let lengthMax = 1 << 16
    private static let lengthMin = 1 << 8
    /// More than a topic can have partitions.
    private static let partitionsMax: Int64 = 4096

    /// Offsets of one run.
    let length: Int64

    init(length: Int64) {
        // A posting's place has 32 bits.
        precondition(length > 0 && length <= Int64(UInt32.max))
        self.length = length
    }

    static func length(partitionCount: Int) -> Int64 {
        var length = lengthMax
        while length > lengthMin && length * partitionCount > postingsMax { length /= 2 }
        return Int64(length)
    }

    /// How many runs of a partition lie before the one of `offset`.
    func epoch(of offset: Int64) -> Int64 { offset / length }
    func firstOffset(ofEpoch epoch: Int64) -> Int64 { epoch * length }

    /// A run's number in the table. It grows as the log does, so a new run goes to the table's end.
    func run(epoch: Int64, partition: Int) -> Int64 { epoch * Self.partitionsMax + Int64(partition) }
}
