/// The part of a record that does not depend on its place in a batch: key, value and headers, already in Kafka's bytes.
///
/// A record is `length, attributes, timestampDelta, offsetDelta` followed by this body. So a body can be written on
/// any thread, before it is known which offset the record gets; `RecordBatchBuilder` puts the four fields before it.
///
/// Layout: key length (varint, -1 for none), key, value length (varint, -1 for none), value, header count (varint),
/// then each header: name length, name, value length (-1 for none), value.
public enum RecordBody {
    @inlinable
    public static func appendField(_ bytes: UnsafeRawBufferPointer, to target: inout GrowableBytes) {
        target.append(varint: Int64(bytes.count))
        target.append(copying: bytes)
    }

    @inlinable
    public static func appendHeaderCount(_ count: Int, to target: inout GrowableBytes) {
        target.append(varint: Int64(count))
    }

    @inlinable
    public static func appendHeader(
        _ name: StaticString, _ value: UnsafeRawBufferPointer, to target: inout GrowableBytes
    ) {
        target.append(varint: Int64(name.utf8CodeUnitCount))
        target.append(name)
        appendField(value, to: &target)
    }

    @inlinable
    public static func appendAbsentField(to target: inout GrowableBytes) { target.append(varint: -1) }
}
