/// The parts of a MaxMind DB file and what its metadata says of them:
///
///     search tree   node_count nodes of two records of record_size bits
///     separator     16 zero bytes
///     data          values, which records and pointers lead to
///     marker        AB CD EF "MaxMind.com"
///     metadata      a map, to the file's end
struct MaxMindLayout {
    /// The format looks for the marker in the last 128 KiB.
    static let metadataBytesMax = 128 << 10
    /// GeoIP2's metadata have about 30 values.
    static let metadataValuesMax = 512
    static let separatorBytes = 16

    let nodeCount: Int
    /// 24, 28 or 32.
    let recordBits: Int
    /// 4 or 6.
    let version: Int
    let databaseType: String
    let tree, data: UnsafeRawBufferPointer

    /// How many bits of an address the tree may look at.
    var addressBits: Int { version == 4 ? 32 : 128 }

    init(_ file: UnsafeRawBufferPointer) throws(EnrichmentError) {
        guard let marker = Self.marker(in: file) else {
            throw EnrichmentError("there is no metadata: it is no MaxMind database, or lacks its end")
        }
        let metadata = try Metadata(UnsafeRawBufferPointer(rebasing: file[marker.upperBound...]))
        guard metadata.formatVersion == 2 else { throw EnrichmentError("its format is not version 2, the one that is read here") }
        guard let nodeCount = metadata.nodeCount, nodeCount > 0, nodeCount <= UInt32.max else {
            throw EnrichmentError("the metadata does not say how many nodes there are")
        }
        guard let recordBits = metadata.recordBits, [24, 28, 32].contains(recordBits) else {
            throw EnrichmentError("a record has neither 24 nor 28 nor 32 bits")
        }
        guard let version = metadata.version, version == 4 || version == 6 else {
            throw EnrichmentError("it is neither for IPv4 nor for IPv6")
        }
        guard let databaseType = metadata.databaseType else {
            throw EnrichmentError("the metadata does not say what it is a database of")
        }
        self.nodeCount = Int(nodeCount)
        self.recordBits = Int(recordBits)
        self.version = Int(version)
        self.databaseType = databaseType

        // At most 2^32 nodes of 8 bytes: no overflow.
        let treeBytes = self.nodeCount * self.recordBits / 4
        let dataStart = treeBytes + Self.separatorBytes
        guard dataStart <= marker.lowerBound else {
            throw EnrichmentError("the file ends before its search tree of \(nodeCount) nodes does")
        }
        guard file[treeBytes..<dataStart].allSatisfy({ $0 == 0 }) else {
            throw EnrichmentError("there are no 16 zero bytes behind its search tree of \(nodeCount) nodes")
        }
        tree = UnsafeRawBufferPointer(rebasing: file[..<treeBytes])
        data = UnsafeRawBufferPointer(rebasing: file[dataStart..<marker.lowerBound])
    }

    /// A record of a node: below `nodeCount` a node, the same as `nodeCount` nothing, above a place in the data, from which
    /// `dataStart(of:)` is to be taken off.
    func record(of node: Int, side: Int) -> Int {
        let start = node * recordBits / 4
        func byte(_ index: Int) -> Int { Int(tree[start + index]) }
        switch recordBits {
        case 24: return byte(3 * side) << 16 | byte(3 * side + 1) << 8 | byte(3 * side + 2)
        case 28:
            // The middle byte has the highest four bits of both.
            let high = side == 0 ? byte(3) >> 4 : byte(3) & 0xF
            return high << 24 | byte(4 * side) << 16 | byte(4 * side + 1) << 8 | byte(4 * side + 2)
        default: return byte(4 * side) << 24 | byte(4 * side + 1) << 16 | byte(4 * side + 2) << 8 | byte(4 * side + 3)
        }
    }

    /// Where the data of a record begins, in `data` if the record is a sound one.
    func dataOffset(of record: Int) -> Int { record - nodeCount - Self.separatorBytes }

    /// The last marker, as libmaxminddb takes it.
    private static func marker(in file: UnsafeRawBufferPointer) -> Range<Int>? {
        let marker: [UInt8] = [0xAB, 0xCD, 0xEF] + Array("MaxMind.com".utf8)
        var start = file.count - marker.count
        while start >= max(0, file.count - metadataBytesMax) {
            if file[start..<start + marker.count].elementsEqual(marker) { return start..<start + marker.count }
            start -= 1
        }
        return nil
    }
}

/// What is needed of the metadata. The rest of it is checked too, for libmaxminddb reads all of it when it opens the file.
private struct Metadata {
    private(set) var nodeCount, recordBits, version, formatVersion: UInt64?
    private(set) var databaseType: String?

    init(_ section: UnsafeRawBufferPointer) throws(EnrichmentError) {
        // libmaxminddb follows every pointer that it meets here, so none is followed for nothing.
        var check = MaxMindDataCheck(section, valuesMax: MaxMindLayout.metadataValuesMax, remembers: false)
        let map = try MaxMindValue(section, at: 0)
        guard map.kind == .map else { throw EnrichmentError("the metadata is no map") }
        var place = map.end
        var values = 0
        for _ in 0..<map.size {
            let (name, valueStart) = try check.name(at: place)
            let value = try check.resolved(at: valueStart)
            note(String(decoding: name.prefix(GeoDatabase.textBytesMax), as: UTF8.self), value, in: section)
            place = try check.check(at: valueStart, depth: 1, values: &values)
        }
    }

    /// The first of members with the same name counts, as for libmaxminddb.
    private mutating func note(_ name: String, _ value: MaxMindValue, in section: UnsafeRawBufferPointer) {
        let number = value.unsigned(in: section)
        switch name {
        case "node_count": nodeCount = nodeCount ?? number
        case "record_size": recordBits = recordBits ?? number
        case "ip_version": version = version ?? number
        case "binary_format_major_version": formatVersion = formatVersion ?? number
        case "database_type" where value.kind == .text && value.size <= GeoDatabase.textBytesMax:
            databaseType = databaseType ?? String(validating: value.content(in: section), as: UTF8.self)
        default: break
        }
    }
}
