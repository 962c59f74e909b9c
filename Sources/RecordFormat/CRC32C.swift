internal import CCRC32C

/// CRC-32C (Castagnoli), the checksum of Kafka's record batches.
public enum CRC32C {
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        okla_crc32c(bytes.baseAddress, bytes.count)
    }

    /// The table-driven fallback for processors without SSE4.2.
    public static func portableChecksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        okla_crc32c_portable(bytes.baseAddress, bytes.count)
    }

    public static var isAccelerated: Bool { okla_crc32c_is_accelerated() != 0 }
}
