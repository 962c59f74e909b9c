package import EventLog
package import RecordFormat

/// Consecutive records of one partition, on their way to one consumer.
package struct RecordSlice: Sendable {
    package let partition: PartitionID
    package let batches: InflatedBatches
    /// Those of `batches` that are meant.
    package let places: Range<Int>
    /// From the consumer's position before it to the one behind it, offsets without a record included.
    package let offsets: Range<Int64>

    /// All of `batches` from an offset on; nil where nothing is behind it.
    package init?(_ partition: PartitionID, _ batches: InflatedBatches, from offset: Int64) {
        guard let next = batches.nextOffset, next > offset else { return nil }
        self.partition = partition
        self.batches = batches
        places = batches.place(atOrAfter: offset)..<batches.count
        offsets = offset..<next
    }

    /// Offsets among them whose records are lost, or cannot be opened.
    package var gaps: [InflatedBatches.Gap] {
        batches.gaps.compactMap { gap in
            let inside = gap.offsets.clamped(to: offsets)
            return inside.isEmpty ? nil : InflatedBatches.Gap(offsets: inside, reason: gap.reason)
        }
    }
}

/// What a consumer is given at once, to be taken whole or not at all.
package struct Delivery: Sendable {
    /// In order; those of one partition follow each other.
    package let slices: [RecordSlice]
    /// Records among them that are not to be looked at again: the consumer keeps them with their reason, in the same step as its position.
    package let setAside: [PoisonRecord]
    /// Records that the consumer's position has passed without seeing them.
    package let gaps: [ConsumptionGap]

    package init(slices: [RecordSlice], setAside: [PoisonRecord] = [], gaps: [ConsumptionGap] = []) {
        self.slices = slices
        self.setAside = setAside
        self.gaps = gaps
    }

    /// Calls `body` with every record that is not set aside.
    package func forEachRecord<Failure: Error>(
        _ body: (PartitionID, RecordView) throws(Failure) -> Void
    ) throws(Failure) {
        for slice in slices {
            for place in slice.places {
                let offset = slice.batches.offset(at: place)
                if setAside.contains(where: { $0.offset == offset && $0.partition == slice.partition }) { continue }
                try slice.batches.withRecord(at: place) { record throws(Failure) in try body(slice.partition, record) }
            }
        }
    }

    /// Where the consumer stands once it has taken this.
    package var positions: [PartitionID: Int64] {
        var positions: [PartitionID: Int64] = [:]
        for gap in gaps { positions[gap.partition] = max(positions[gap.partition] ?? 0, gap.offsets.upperBound) }
        for slice in slices { positions[slice.partition] = max(positions[slice.partition] ?? 0, slice.offsets.upperBound) }
        return positions
    }
}

/// Offsets that a consumer has passed without seeing their records.
package struct ConsumptionGap: Sendable, Equatable {
    package enum Cause: String, Sendable, CaseIterable {
        /// They were removed before the consumer came to them.
        case retention
        /// They are lost, or cannot be opened.
        case damage
    }

    package let partition: PartitionID
    package let offsets: Range<Int64>
    package let cause: Cause
    /// For an operator.
    package let reason: String

    package init(partition: PartitionID, offsets: Range<Int64>, cause: Cause, reason: String) {
        self.partition = partition
        self.offsets = offsets
        self.cause = cause
        self.reason = reason
    }
}
