internal import CLZ4

/// Raw LZ4 blocks, without a frame around them: for bytes whose sizes stand elsewhere.
package enum LZ4Block {
    /// The most that one call takes.
    package static let inputBytesMax = 0x7E00_0000

    /// Appends `input`, compressed, to `output`.
    package static func compress(_ input: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes) {
        precondition(input.count > 0 && input.count <= inputBytesMax)
        let bound = Int(LZ4_compressBound(Int32(input.count)))
        let target = output.reserve(bound)
        let written = LZ4_compress_default(
            input.baseAddress?.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self),
            Int32(input.count), Int32(bound))
        // With a target of the stated bound this cannot fail.
        precondition(written > 0)
        output.advance(by: Int(written))
    }

    /// Replaces the contents of `output` by what `block` holds; false where that is not exactly `byteCount` bytes.
    package static func decompress(
        _ block: UnsafeRawBufferPointer, byteCount: Int, into output: inout GrowableBytes
    ) -> Bool {
        output.removeAll()
        guard byteCount > 0, byteCount <= inputBytesMax, let source = block.baseAddress, block.count <= inputBytesMax else {
            return false
        }
        let target = output.reserve(byteCount)
        let written = LZ4_decompress_safe(
            source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self), Int32(block.count),
            Int32(byteCount))
        guard Int(written) == byteCount else { return false }
        output.advance(by: byteCount)
        return true
    }
}
