internal import CLZ4

/// LZ4 frames as Kafka's clients want them: one frame, independent blocks, no sizes, no checksums. The Java client refuses
/// dependent blocks. Blocks are of 256 KiB at most (header `04 22 4D 18 60 50 FB`), 64 KiB where that is enough for all
/// (`04 22 4D 18 60 40 82`): a reader takes that much memory.
public enum LZ4Frame {
    /// Appends `input` as one frame to `output`.
    public static func compress(_ input: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes) {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max256KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        let bound = LZ4F_compressFrameBound(input.count, &preferences)
        let written = LZ4F_compressFrame(output.reserve(bound), bound, input.baseAddress, input.count, &preferences)
        // With a target of the stated bound and valid preferences this cannot fail; the call allocates nothing.
        precondition(LZ4F_isError(written) == 0)
        output.advance(by: written)
    }
}

/// Inflates LZ4 frames, one after the other, with one library context. For one thread at a time.
public struct LZ4Decompressor: ~Copyable {
    private let context: OpaquePointer

    public init() {
        var created: OpaquePointer?
        let status = LZ4F_createDecompressionContext(&created, UInt32(LZ4F_VERSION))
        precondition(LZ4F_isError(status) == 0 && created != nil, "no memory for an LZ4 context")
        context = created!
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    /// Appends what `frame` holds to `output`: exactly one frame, at most `limit` bytes.
    public mutating func decompress(
        _ frame: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes, limit: Int
    ) throws(RecordFormatError) {
        LZ4F_resetDecompressionContext(context)
        let start = output.count
        var consumed = 0
        // LZ4 cannot grow a byte into more than 255, so small frames never reserve the whole limit.
        var room = min(limit, max(frame.count * 6, 4096))
        while true {
            var sourceCount = frame.count - consumed
            var targetCount = min(room, limit - (output.count - start) + 1)
            let target = output.reserve(targetCount)
            let hint = LZ4F_decompress(
                context, target, &targetCount, frame.baseAddress! + consumed, &sourceCount, nil)
            if LZ4F_isError(hint) != 0 {
                throw .decompression(String(cString: LZ4F_getErrorName(hint)))
            }
            consumed += sourceCount
            output.advance(by: targetCount)
            if output.count - start > limit { throw .tooLarge(limit: limit) }
            if hint == 0 { break }
            if sourceCount == 0 && targetCount == 0 { throw .decompression("frame ends early") }
            room = min(limit, room * 2)
        }
        guard consumed == frame.count else { throw .decompression("\(frame.count - consumed) bytes behind the frame") }
    }
}
