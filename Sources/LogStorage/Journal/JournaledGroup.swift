internal import EventLog
internal import RecordFormat

/// A group on its way to a commit, with its bodies as the journal takes them, compressed on the thread of who appends: that is done
/// for many at once, and the commit thread has less to do.
package final class JournaledGroup: Sendable {
    let group: RecordGroup
    /// As `LZ4Block`; empty: they are to be compressed in the commit, together with others.
    let blocks: GrowableBytes

    /// - Parameter compressedBytesMin: bodies below this are left to the commit; nil: there is no journal.
    init(_ group: RecordGroup, compressedBytesMin: Int?) {
        self.group = group
        guard let compressedBytesMin, group.byteCount >= compressedBytesMin, group.byteCount > 0 else {
            blocks = GrowableBytes()
            return
        }
        var blocks = GrowableBytes(capacity: group.byteCount / 4)
        LZ4Block.compress(group.bodies.bytes, appendingTo: &blocks)
        self.blocks = blocks
    }
}
