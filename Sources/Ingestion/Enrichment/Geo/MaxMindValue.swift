/// One value of the MaxMind DB format, version 2: its control bytes, read within the bounds of its section.
struct MaxMindValue {
    enum Kind: UInt8 {
        case pointer = 1, text, double, bytes, uint16, uint32, map, int32, uint64, uint128, array
        case boolean = 14, float
    }

    let kind: Kind
    /// Of a map or an array how many members it has, of a pointer where it points to, of a boolean 0 or 1; of others how many
    /// bytes.
    let size: Int
    /// Where its bytes or its first member begin; of a pointer or a boolean, where the next value begins.
    let contentStart: Int

    /// Reads the value that begins at `start`. All of its own bytes are in the section then, a map's or an array's members not
    /// yet.
    init(_ section: UnsafeRawBufferPointer, at start: Int) throws(EnrichmentError) {
        var bytes = ValueBytes(section: section, valueStart: start)
        let control = try bytes.next()
        var type = control >> 5
        if type == Kind.pointer.rawValue {
            let sizeBits = control >> 3 & 3
            // The last three bits of the control byte come first, but for the longest pointer.
            var target = sizeBits == 3 ? 0 : control & 7
            target = try target << (8 * (sizeBits + 1)) | bytes.next(sizeBits + 1)
            kind = .pointer
            size = target + [0, 2048, 2048 + 524_288, 0][sizeBits]
            contentStart = bytes.place
            return
        }
        // The types from 8 on stand in a byte of their own.
        if type == 0 {
            let more = try bytes.next()
            type = more == 0 ? 0 : 7 + more
        }
        guard let kind = Kind(rawValue: UInt8(clamping: type)) else {
            throw EnrichmentError("the value at \(start) is of type \(type), which there is not")
        }
        var size = control & 31
        switch size {
        case 29: size = try 29 + bytes.next()
        case 30: size = try 285 + bytes.next(2)
        case 31: size = try 65_821 + bytes.next(3)
        default: break
        }
        self.kind = kind
        self.size = size
        contentStart = bytes.place
        guard Self.sizes(of: kind).contains(size), bytesAtLeast <= section.count - contentStart else {
            throw EnrichmentError("the \(kind) at \(start) has an impossible size, \(size)")
        }
    }

    /// Where the next value begins; of a map or an array, where its first member does.
    var end: Int { isContainer || kind == .pointer || kind == .boolean ? contentStart : contentStart + size }

    var isContainer: Bool { kind == .map || kind == .array }

    /// A text's or a blob's bytes.
    func content(in section: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: section[contentStart..<end])
    }

    /// An unsigned number of up to 64 bits; nil for anything else.
    func unsigned(in section: UnsafeRawBufferPointer) -> UInt64? {
        guard kind == .uint16 || kind == .uint32 || kind == .uint64 else { return nil }
        return content(in: section).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// How many bytes its content takes at least: a member of a map takes two, one of an array one.
    private var bytesAtLeast: Int {
        switch kind {
        case .map: 2 * size
        case .pointer, .boolean: 0
        default: size
        }
    }

    private static func sizes(of kind: Kind) -> ClosedRange<Int> {
        switch kind {
        case .double: 8...8
        case .float: 4...4
        case .uint16: 0...2
        case .uint32, .int32: 0...4
        case .uint64: 0...8
        case .uint128: 0...16
        case .boolean: 0...1
        case .pointer, .text, .bytes, .map, .array: 0...Int.max
        }
    }
}

/// The control bytes of a value, one after the other.
private struct ValueBytes {
    let section: UnsafeRawBufferPointer
    let valueStart: Int
    private(set) var place: Int

    init(section: UnsafeRawBufferPointer, valueStart: Int) {
        self.section = section
        self.valueStart = valueStart
        place = valueStart
    }

    mutating func next() throws(EnrichmentError) -> Int {
        guard section.indices.contains(place) else { throw EnrichmentError("the value at \(valueStart) ends beyond its section") }
        let byte = Int(section[place])
        place += 1
        return byte
    }

    /// A number of `byteCount` bytes, the highest first.
    mutating func next(_ byteCount: Int) throws(EnrichmentError) -> Int {
        var number = 0
        for _ in 0..<byteCount { number = try number << 8 | next() }
        return number
    }
}
