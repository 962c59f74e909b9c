package import EventLog

/// Gives the identities of a partition's records, newest first, back to a time. Segments that lie before it are not touched.
package final class PartitionIdentities: IdentityReader {
    private let topicPartition: TopicPartition
    private let since: UInt32
    private let isWritable, skipsUnreadable: Bool
    /// The segments that were not begun, oldest first.
    private var segmentsLeft: ArraySlice<CacheFiles>
    private let segmentCount: Int
    private var segment: SegmentIdentities?

    /// - Parameters:
    ///   - segments: the partition's, oldest first; the last one is written to.
    ///   - since: seconds since 1970.
    ///   - skipsUnreadable: leaves out what cannot be read of a segment, instead of throwing.
    init(
        of topicPartition: TopicPartition, _ segments: [CacheFiles], since: UInt32, isWritable: Bool, skipsUnreadable: Bool
    ) {
        self.topicPartition = topicPartition
        self.since = since
        self.isWritable = isWritable
        self.skipsUnreadable = skipsUnreadable
        segmentsLeft = segments[...]
        segmentCount = segments.count
    }

    package func previous() throws(LogError) -> [StoredIdentity]? {
        do throws(FileError) {
            while let piece = try pieceOfSegment() {
                if piece.isEmpty { continue }
                let older = piece.partitionPoint { $0.timestampSeconds >= since }
                // Times never fall: all that is left is older.
                if older > 0 { (segmentsLeft, segment) = ([], nil) }
                if older < piece.count { return older == 0 ? piece : Array(piece[older...]) }
            }
            return nil
        } catch {
            throw LogError(.io, "\(topicPartition): \(error)", partition: topicPartition)
        }
    }

    private func pieceOfSegment() throws(FileError) -> [StoredIdentity]? {
        while true {
            if segment == nil {
                let isClosed = segmentsLeft.count < segmentCount
                guard let next = segmentsLeft.popLast() else { return nil }
                segment = SegmentIdentities(next, isClosed: isClosed, isWritable: isWritable)
            }
            do throws(FileError) {
                if let piece = try segment?.previous() { return piece }
            } catch {
                if !skipsUnreadable { throw error }
            }
            segment = nil
        }
    }
}
