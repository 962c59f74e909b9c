internal import Foundation
internal import GRDB
internal import RecordFormat
internal import Synchronization

extension UserIndex {
    /// Where a key's records may stand in a partition, newest first, piece by piece. A record of another key is among them with a probability
    /// of 2^-64 each, so whoever reads them compares the key.
    struct Places {
        /// Offsets that are wanted.
        let offsets: Range<Int64>
        let partition: Int
        let user: UInt64
        /// Only records whose event's name has this mark.
        let nameMark: UInt8?
        /// The next run to look at; nil: all were.
        var epoch: Int64?
    }

    /// All of `offsets`. nil where that is empty, or the partition is not read yet.
    func places(of key: [UInt8], partition: Int, offsets: Range<Int64>, nameMark: UInt8?) -> Places? {
        let position = state.withLock { $0[partition].position }
        let offsets = offsets.clamped(to: 0..<position)
        if offsets.isEmpty { return nil }
        return Places(
            offsets: offsets, partition: partition, user: key.withUnsafeBytes(user), nameMark: nameMark,
            epoch: numbering.epoch(of: offsets.upperBound - 1))
    }

    /// The next offsets, falling; empty where there are no more.
    func next(_ places: inout Places) async throws -> [Int64] {
        while let epoch = places.epoch {
            if let found = openPlaces(places, epoch) {
                Self.step(&places, below: epoch, numbering)
                if !found.isEmpty { return found }
                continue
            }
            let (found, last) = try await storedPlaces(places, from: epoch)
            Self.step(&places, below: last, numbering)
            if !found.isEmpty { return found }
        }
        return []
    }

    private static func step(_ places: inout Places, below epoch: Int64, _ numbering: RunNumbering) {
        places.epoch = epoch > numbering.epoch(of: places.offsets.lowerBound) ? epoch - 1 : nil
    }

    /// Those of a run that is in memory; nil where it is in the table.
    private func openPlaces(_ places: Places, _ epoch: Int64) -> [Int64]? {
        let first = numbering.firstOffset(ofEpoch: epoch)
        return state.withLock { state in
            guard first >= state[places.partition].stored || state[places.partition].runs.contains(where: { $0.epoch == epoch })
            else { return nil }
            guard let run = state[places.partition].runs.first(where: { $0.epoch == epoch }) else { return [] }
            var found: [Int64] = []
            run.postings.withUnsafeBufferPointer { postings in
                for posting in postings where posting.user == places.user {
                    if let mark = places.nameMark, posting.nameMark != mark { continue }
                    found.append(first + Int64(posting.place))
                }
            }
            return found.reversed().filter(places.offsets.contains)
        }
    }

    /// Those of the newest run of the table, from `epoch` down, that has some; and that run.
    private func storedPlaces(_ places: Places, from epoch: Int64) async throws -> ([Int64], Int64) {
        let lowest = numbering.epoch(of: places.offsets.lowerBound)
        let numbering = numbering
        return try await database.read { database in
            let statement = try database.cachedStatement(sql: "SELECT list FROM postings WHERE run = ? AND user = ?")
            var here = epoch
            while true {
                let run = numbering.run(epoch: here, partition: places.partition)
                let found = try Self.found(statement, run, places, numbering.firstOffset(ofEpoch: here))
                if !found.isEmpty || here == lowest { return (found, here) }
                here -= 1
            }
        }
    }

    private static func found(_ statement: Statement, _ run: Int64, _ places: Places, _ first: Int64) throws -> [Int64] {
        guard let list = try Data.fetchOne(statement, arguments: [run, Int64(bitPattern: places.user)]) else { return [] }
        guard let read = list.withUnsafeBytes(PostingList.read) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a list of postings is not what was written")
        }
        return read.reversed().compactMap { place, mark in
            if let wanted = places.nameMark, wanted != mark { return nil }
            let offset = first + Int64(place)
            return places.offsets.contains(offset) ? offset : nil
        }
    }
}
