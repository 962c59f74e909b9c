/// A file's contents in the page cache and on the disk.
struct SimulatedInode {
    enum Change {
        case write(position: Int, bytes: [UInt8])
        case truncate(Int)
    }

    /// What reads see.
    private(set) var contents: [UInt8]
    /// What a power cut leaves at least.
    private(set) var durable: [UInt8]
    /// Changes since the last sync, in order.
    private var pending: [Change] = []

    static let sectorBytes = 512

    init(durable: [UInt8] = []) {
        contents = durable
        self.durable = durable
    }

    mutating func apply(_ change: Change) {
        Self.apply(change, to: &contents)
        pending.append(change)
    }

    mutating func sync() {
        for change in pending { Self.apply(change, to: &durable) }
        pending = []
    }

    /// The sync failed: any part of the changes has reached the disk, and the rest is never tried again.
    mutating func failSync(_ random: inout SeededGenerator) {
        durable = partlyDurable(&random)
        pending = []
    }

    /// The machine has lost power: the disk has what was synced and any part of the rest.
    mutating func losePower(_ random: inout SeededGenerator) {
        durable = partlyDurable(&random)
        contents = durable
        pending = []
    }

    private func partlyDurable(_ random: inout SeededGenerator) -> [UInt8] {
        var result = durable
        switch random.next() % 4 {
        case 0: break
        case 1:
            // A beginning of what was to come.
            for change in pending.prefix(Int(random.next() % UInt64(pending.count + 1))) { Self.apply(change, to: &result) }
        case 2:
            // Sectors in any order, some of them never.
            for change in pending { Self.applyPartly(change, to: &result, &random) }
        default:
            // The size first, the contents as far as they came.
            if contents.count > result.count { result += Array(repeating: 0, count: contents.count - result.count) }
            for change in pending { Self.applyPartly(change, to: &result, &random) }
        }
        return result
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .truncate(let byteCount):
            if byteCount < bytes.count {
                bytes.removeLast(bytes.count - byteCount)
            } else {
                bytes += Array(repeating: 0, count: byteCount - bytes.count)
            }
        case .write(let position, let written):
            let end = position + written.count
            if end > bytes.count { bytes += Array(repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(position..<end, with: written)
        }
    }

    private static func applyPartly(_ change: Change, to bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard case .write(let position, let written) = change else {
            if random.next() % 2 == 0 { apply(change, to: &bytes) }
            return
        }
        var start = 0
        while start < written.count {
            let toSectorEnd = sectorBytes - (position + start) % sectorBytes
            let end = min(written.count, start + toSectorEnd)
            if random.next() % 2 == 0 {
                apply(.write(position: position + start, bytes: Array(written[start..<end])), to: &bytes)
            }
            start = end
        }
    }
}
