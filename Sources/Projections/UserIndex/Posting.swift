internal import RecordFormat

/// One record as the index has it: whose it is, where it stands in its run, and a mark of its event's name.
struct Posting: Equatable {
    /// Of the record's key.
    let user: UInt64
    /// From the run's first offset on.
    let place: UInt32
    /// Equal for equal names; one in 256 of other names has it too.
    let nameMark: UInt8

    /// The mark of an event's name: FNV-1a, folded.
    static func nameMark(_ name: UnsafeRawBufferPointer) -> UInt8 {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return UInt8(truncatingIfNeeded: hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24)
    }
}

/// The postings of one user in one run, as a row of the table has them: their number, the first place and then the distances from one place
/// to the next, all as LEB128; then as many name marks.
struct PostingList {
    static func append(_ postings: ArraySlice<Posting>, to bytes: inout [UInt8]) {
        LEB128.append(UInt64(postings.count), to: &bytes)
        var previous: UInt32 = 0
        for posting in postings {
            LEB128.append(UInt64(posting.place - previous), to: &bytes)
            previous = posting.place
        }
        for posting in postings { bytes.append(posting.nameMark) }
    }

    /// Places and name marks; nil for bytes that are no list.
    static func read(_ bytes: UnsafeRawBufferPointer) -> [(place: UInt32, nameMark: UInt8)]? {
        var position = 0
        guard let count = LEB128.read(bytes, &position), count <= bytes.count else { return nil }
        var list: [(place: UInt32, nameMark: UInt8)] = []
        list.reserveCapacity(Int(count))
        var place: UInt32 = 0
        for _ in 0..<count {
            guard let distance = LEB128.read(bytes, &position), distance <= UInt32.max - place else { return nil }
            place += UInt32(distance)
            list.append((place, 0))
        }
        guard bytes.count - position == Int(count) else { return nil }
        for number in list.indices { list[number].nameMark = bytes[position + number] }
        return list
    }
}
