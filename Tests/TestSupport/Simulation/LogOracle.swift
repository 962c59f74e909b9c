internal import EventLog
internal import LogStorage

/// What the log must hold, kept as plainly as can be: for each partition the values by their offsets.
struct LogOracle {
    struct Partition {
        /// Acknowledged, or served to a reader: must be there for ever, here.
        var certain: [Int64: String] = [:]
        /// Acknowledged without a sync (`Durability.os`): must survive the end of the process, not of the machine.
        var written: [Int64: String] = [:]
        /// Handed to the log, whatever it answered.
        var submitted: Set<String> = []
        /// The greatest high watermark that was served and is certain.
        var highWatermark: Int64 = 0
        /// What lies before is deleted for certain, and what before the other one perhaps.
        var deletedEnd: Int64 = 0
        var perhapsDeletedEnd: Int64 = 0
    }

    var partitions: [Partition]
    /// Once the log begins behind offset 0, at least so many bytes are served; nil: it never does.
    private let retentionBytes: Int?
    /// What retention counted on may be lost with the power, or come back from the journal in larger batches, which take less: no
    /// size can be demanded any more.
    private var hasLostPower = false

    init(partitionCount: Int, retentionBytes: Int?) {
        partitions = Array(repeating: Partition(), count: partitionCount)
        self.retentionBytes = retentionBytes
    }

    mutating func acknowledge(_ partition: Int, _ offset: Int64, _ value: String, isSynced: Bool) {
        if isSynced {
            partitions[partition].certain[offset] = value
            partitions[partition].highWatermark = max(partitions[partition].highWatermark, offset + 1)
        } else {
            partitions[partition].written[offset] = value
        }
    }

    /// Everything below the offset was synced.
    mutating func synced(_ partition: Int, below offset: Int64) {
        for (place, value) in partitions[partition].written where place < offset {
            partitions[partition].certain[place] = value
            partitions[partition].written[place] = nil
        }
        partitions[partition].highWatermark = max(partitions[partition].highWatermark, offset)
    }

    mutating func losePower() {
        hasLostPower = true
        for place in partitions.indices { partitions[place].written = [:] }
    }

    /// Compares with what a partition serves.
    ///
    /// - Parameters:
    ///   - readableEnd: the offset up to which it can be read.
    ///   - isIncomplete: what the partition lacks behind that is in the journal.
    func check(
        _ number: Int, _ found: [LogContents.Record], holes: [Range<Int64>], byteCount: Int, bounds: OffsetBounds,
        readableEnd: Int64, isIncomplete: Bool, timesNeverFall: Bool
    ) throws {
        let expected = partitions[number]
        try checkStart(number, byteCount: byteCount, bounds: bounds)
        var byOffset: [Int64: String] = [:]
        var seen: Set<String> = []
        var next = bounds.start.value
        var time = Int64.min
        var holes = holes[...]
        for record in found {
            while let hole = holes.first, hole.lowerBound == next {
                next = hole.upperBound
                holes.removeFirst()
            }
            guard record.offset == next else {
                throw SimulationFailure("partition \(number): offset \(record.offset) where \(next) must follow")
            }
            guard record.timestamp >= time || !timesNeverFall else {
                throw SimulationFailure("partition \(number): time goes back at offset \(next)")
            }
            guard expected.submitted.contains(record.value) else {
                throw SimulationFailure("partition \(number): offset \(next) holds what nobody sent: \(record.value.prefix(40))")
            }
            guard seen.insert(record.value).inserted else {
                throw SimulationFailure("partition \(number): \(record.value.prefix(40)) stands twice")
            }
            byOffset[next] = record.value
            next += 1
            time = record.timestamp
        }
        for hole in holes where hole.lowerBound == next { next = hole.upperBound }
        guard next == readableEnd else {
            throw SimulationFailure("partition \(number): served up to \(next), and it can be read up to \(readableEnd)")
        }
        guard isIncomplete || readableEnd == bounds.highWatermark.value else {
            throw SimulationFailure(
                "partition \(number): can be read up to \(readableEnd), the high watermark is \(bounds.highWatermark)")
        }
        for (offset, value) in expected.certain.merging(expected.written, uniquingKeysWith: { a, _ in a })
        where offset >= bounds.start.value && byOffset[offset] != value
            && !(isIncomplete && offset >= readableEnd)
        {
            throw SimulationFailure(
                "partition \(number): offset \(offset) was acknowledged as \(value.prefix(40)), the log has "
                    + "\(byOffset[offset]?.prefix(40) ?? "nothing")")
        }
        guard isIncomplete || bounds.highWatermark.value >= expected.highWatermark else {
            throw SimulationFailure(
                "partition \(number): the high watermark went back from \(expected.highWatermark) to \(bounds.highWatermark)")
        }
    }

    /// What is below the start is not looked for, so the start itself must be earned.
    private func checkStart(_ number: Int, byteCount: Int, bounds: OffsetBounds) throws {
        let start = bounds.start.value
        guard start >= min(partitions[number].deletedEnd, bounds.highWatermark.value) else {
            throw SimulationFailure(
                "partition \(number) begins at offset \(start), and \(partitions[number].deletedEnd) records were deleted")
        }
        if start <= partitions[number].perhapsDeletedEnd { return }
        guard let retentionBytes else {
            throw SimulationFailure("partition \(number) begins at offset \(bounds.start), and nothing may be removed")
        }
        guard byteCount >= retentionBytes || hasLostPower else {
            throw SimulationFailure(
                "partition \(number) begins at offset \(bounds.start) and serves \(byteCount) bytes, \(retentionBytes) must stay")
        }
    }
}

package struct SimulationFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
