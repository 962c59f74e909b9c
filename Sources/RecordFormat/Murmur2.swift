/// The hash behind Kafka's default partitioner (Java's `org.apache.kafka.common.utils.Utils.murmur2`).
public enum Murmur2 {
    public static func hash(_ key: UnsafeRawBufferPointer) -> Int32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: key.count)
        let words = key.count / 4
        for word in 0..<words {
            var k = UInt32(littleEndian: key.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self))
            k &*= multiplier
            k ^= k &>> 24
            k &*= multiplier
            hash &*= multiplier
            hash ^= k
        }
        let tail = words * 4
        let left = key.count - tail
        if left >= 3 { hash ^= UInt32(key[tail + 2]) &<< 16 }
        if left >= 2 { hash ^= UInt32(key[tail + 1]) &<< 8 }
        if left >= 1 {
            hash ^= UInt32(key[tail])
            hash &*= multiplier
        }
        hash ^= hash &>> 13
        hash &*= multiplier
        hash ^= hash &>> 15
        return Int32(bitPattern: hash)
    }

    /// The partition, 0 ..< `partitionCount`, to which Kafka's murmur2 partitioners send `key`.
    public static func partition(of key: UnsafeRawBufferPointer, partitionCount: Int) -> Int {
        precondition(partitionCount > 0)
        return Int(hash(key) & 0x7fff_ffff) % partitionCount
    }
}
