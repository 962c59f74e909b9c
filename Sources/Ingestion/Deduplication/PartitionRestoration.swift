internal import EventLog

/// The identities of one partition on their way from the log into the table.
final class PartitionRestoration: @unchecked Sendable {
    // Sendable: one thread at a time uses it, the restoration's or the worker's that reads for it.

    private let number: Int
    private let reader: any IdentityReader
    /// What was read and not taken, the newest first; each in offset order.
    private var pieces: [[StoredIdentity]] = []
    private var firstPiece = 0
    /// Of the first piece, those from here on were taken.
    private var firstEnd = 0
    private var count = 0
    private var isExhausted = false

    init(number: Int, _ reader: any IdentityReader) {
        self.number = number
        self.reader = reader
    }

    /// The time of the newest one that was read and not taken.
    var newest: UInt32? { firstPiece < pieces.count ? pieces[firstPiece][firstEnd - 1].timestampSeconds : nil }

    /// Reads on until this many are there to be taken, or all.
    func read(atLeast wanted: Int) throws(LogError) {
        pieces.removeFirst(firstPiece)
        firstPiece = 0
        while count < wanted && !isExhausted {
            if let piece = try reader.previous() {
                pieces.append(piece)
                count += piece.count
                if pieces.count == 1 { firstEnd = piece.count }
            } else {
                isExhausted = true
            }
        }
    }

    /// Adds those of this second to `batch`, the last first, as long as it has fewer than `countMax`.
    ///
    /// - Returns: false where the batch is full, or more must be read to tell what comes next.
    func take(second: UInt32, countMax: Int, into batch: inout [IdentityTable.Entry]) -> Bool {
        while firstPiece < pieces.count {
            let piece = pieces[firstPiece]
            var end = firstEnd
            while end > 0, batch.count < countMax, piece[end - 1].timestampSeconds == second {
                end -= 1
                batch.append(IdentityTable.Entry(piece[end], partition: number))
            }
            count -= firstEnd - end
            firstEnd = end
            if end > 0 { return batch.count < countMax }
            firstPiece += 1
            firstEnd = firstPiece < pieces.count ? pieces[firstPiece].count : 0
        }
        return isExhausted
    }
}
