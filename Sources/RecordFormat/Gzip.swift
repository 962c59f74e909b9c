internal import CDeflate

/// Gzip (RFC 1952), in one piece.
public enum Gzip {
    /// How hard libdeflate tries: 6 for what is sent once, 12 for what is compressed once and sent often.
    public enum Effort: Int32, Sendable {
        case usual = 6
        case most = 12
    }

    public static func compress(_ bytes: [UInt8], effort: Effort = .usual) -> [UInt8] {
        guard let compressor = libdeflate_alloc_compressor(effort.rawValue) else { preconditionFailure("no memory") }
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_gzip_compress_bound(compressor, bytes.count)
        return bytes.withUnsafeBytes { input in
            [UInt8](unsafeUninitializedCapacity: bound) { output, count in
                count = libdeflate_gzip_compress(compressor, input.baseAddress, input.count, output.baseAddress, bound)
                precondition(count > 0, "what is compressed is within the bound")
            }
        }
    }
}
