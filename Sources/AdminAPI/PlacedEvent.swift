internal import RecordFormat

/// A stored event as administrators are shown it: with where it stands.
enum PlacedEvent {
    /// - Parameter json: an object; its own members of the same names, if it has some, come before and do not count.
    static func append(_ json: UnsafeRawBufferPointer, partition: Int, offset: Int64, to text: inout GrowableBytes) {
        let end = json.lastIndex(of: UInt8(ascii: "}")) ?? json.endIndex
        text.append(copying: UnsafeRawBufferPointer(rebasing: json[..<end]))
        text.append(",\"partition\":")
        text.append(decimal: partition)
        text.append(",\"offset\":")
        text.append(decimal: Int(offset))
        text.append("}")
    }
}
