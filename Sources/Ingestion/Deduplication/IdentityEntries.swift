/// The entries of an `IdentityTable` in order of arrival, each with its arrival number. They lie in chunks, so that they never move,
/// and memory goes when the oldest leave.
///
/// A copy has the same memory, which is the table's. Invariant: `first <= oldest <= next`, and there is a chunk for each number
/// from `oldest` up to `next`.
struct IdentityEntries {
    typealias Entry = IdentityTable.Entry

    private static let chunkEntries = 4096
    /// So far from 0 that any number of older ones finds room before it.
    private static let firstNumber: UInt64 = 1 << 40

    private var chunks: [UnsafeMutablePointer<Entry>] = []
    /// Chunks in `chunks` before this one are gone.
    private var firstChunk = 0
    /// The number of the first entry of the first chunk.
    private(set) var first = firstNumber
    private(set) var oldest = firstNumber
    private(set) var next = firstNumber

    var isEmpty: Bool { oldest == next }

    func deallocate() {
        for chunk in chunks[firstChunk...] { chunk.deallocate() }
    }

    subscript(number: UInt64) -> UnsafeMutablePointer<Entry> {
        let place = Int(number - first)
        return chunks[firstChunk + place / Self.chunkEntries] + place % Self.chunkEntries
    }

    /// A slot has the lower half of a number only; no more than that many entries are there at once.
    func number(ofSlot slot: UInt64) -> UInt64 {
        first + UInt64(UInt32(truncatingIfNeeded: slot) &- UInt32(truncatingIfNeeded: first))
    }

    mutating func append(_ entry: Entry) {
        if next - first == UInt64((chunks.count - firstChunk) * Self.chunkEntries) {
            chunks.append(.allocate(capacity: Self.chunkEntries))
        }
        next += 1
        self[next - 1].initialize(to: entry)
    }

    /// Adds one that is older than all.
    mutating func prepend(_ entry: Entry) {
        if oldest == first {
            if firstChunk == 0 {
                chunks.insert(.allocate(capacity: Self.chunkEntries), at: 0)
            } else {
                firstChunk -= 1
                chunks[firstChunk] = .allocate(capacity: Self.chunkEntries)
            }
            first -= UInt64(Self.chunkEntries)
        }
        oldest -= 1
        self[oldest].initialize(to: entry)
    }

    mutating func removeNewest() { next -= 1 }

    mutating func removeOldest() {
        oldest += 1
        guard oldest - first == UInt64(Self.chunkEntries) else { return }
        chunks[firstChunk].deallocate()
        firstChunk += 1
        first += UInt64(Self.chunkEntries)
        if firstChunk > 64 && firstChunk * 2 > chunks.count {
            chunks.removeFirst(firstChunk)
            firstChunk = 0
        }
    }
}
