internal import CLZ4

/// Raw LZ4 blocks, without a frame around them: for bytes whose sizes stand elsewhere, and that are written more often than read.
///
/// The input goes in pieces of 64 KiB, for which LZ4 has its fastest table: each as one block behind its compressed size (u32,
/// little-endian).
public enum LZ4Block {
    /// The most that one call takes.
    public static let inputBytesMax = 0x7E00_0000
    private static let pieceBytes = 64 << 10
    /// liblz4's: a fifth faster than its default, a twentieth larger.
    private static let acceleration: Int32 = 4
    private static let sizeBytes = 4

    /// Appends `input`, compressed, to `output`.
    public static func compress(_ input: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes) {
        precondition(input.count > 0 && input.count <= inputBytesMax)
        var start = 0
        while start < input.count {
            let piece = UnsafeRawBufferPointer(rebasing: input[start..<min(start + pieceBytes, input.count)])
            let bound = Int(LZ4_compressBound(Int32(piece.count)))
            if output.capacity - output.count >= sizeBytes + bound {
                output.advance(by: compress(piece, bound, to: output.reserve(sizeBytes + bound)))
            } else {
                // What comes of it is a fraction of that; memory for the rest would be touched for nothing.
                withUnsafeTemporaryAllocation(byteCount: sizeBytes + bound, alignment: 1) { room in
                    let count = compress(piece, bound, to: room.baseAddress!)
                    output.append(copying: UnsafeRawBufferPointer(rebasing: room[..<count]))
                }
            }
            start += piece.count
        }
    }

    /// Appends `input`, compressed as a single block without its size.
    public static func compressWhole(_ input: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes) {
        precondition(input.count > 0 && input.count <= inputBytesMax)
        let bound = LZ4_compressBound(Int32(input.count))
        let written = LZ4_compress_fast(
            input.baseAddress?.assumingMemoryBound(to: CChar.self),
            output.reserve(Int(bound)).assumingMemoryBound(to: CChar.self), Int32(input.count), bound, acceleration)
        // With a target of the stated bound this cannot fail.
        precondition(written > 0)
        output.advance(by: Int(written))
    }

    /// Writes one block with its size; `bound` is the most that the block takes.
    ///
    /// - Returns: how many bytes it wrote.
    private static func compress(_ piece: UnsafeRawBufferPointer, _ bound: Int, to target: UnsafeMutableRawPointer) -> Int {
        let written = LZ4_compress_fast(
            piece.baseAddress?.assumingMemoryBound(to: CChar.self), (target + sizeBytes).assumingMemoryBound(to: CChar.self),
            Int32(piece.count), Int32(bound), acceleration)
        // With a target of the stated bound this cannot fail.
        precondition(written > 0)
        target.storeBytes(of: UInt32(written).littleEndian, as: UInt32.self)
        return sizeBytes + Int(written)
    }

    /// Replaces the contents of `output` by what `blocks` hold; false where that is not exactly `byteCount` bytes.
    public static func decompress(
        _ blocks: UnsafeRawBufferPointer, byteCount: Int, into output: inout GrowableBytes
    ) -> Bool {
        output.removeAll()
        // No block holds more than 255 bytes for one of its own.
        guard byteCount > 0, byteCount <= inputBytesMax, byteCount / 256 <= blocks.count else { return false }
        var position = 0
        while output.count < byteCount {
            guard blocks.count - position > sizeBytes else { return false }
            let size = Int(UInt32(littleEndian: blocks.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            position += sizeBytes
            guard size <= blocks.count - position else { return false }
            let piece = min(pieceBytes, byteCount - output.count)
            let written = LZ4_decompress_safe(
                blocks.baseAddress!.assumingMemoryBound(to: CChar.self) + position,
                output.reserve(piece).assumingMemoryBound(to: CChar.self), Int32(size), Int32(piece))
            guard Int(written) == piece else { return false }
            output.advance(by: piece)
            position += size
        }
        return position == blocks.count
    }
}
