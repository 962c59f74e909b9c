internal import CDeflate
internal import CSnappy
internal import CZstd

/// Inflates the records of batches, whichever of Kafka's codecs they were written with. It keeps what the libraries need, which is taken when the
/// first batch of a codec comes. For one thread at a time.
public struct RecordDecompressor: ~Copyable {
    /// The codecs by their numbers in a batch's attributes.
    public static let codecs = 0...4

    private var lz4: LZ4Decompressor?
    private var deflate: OpaquePointer?
    private var zstd: OpaquePointer?

    public init() {}

    deinit {
        if let deflate { libdeflate_free_decompressor(deflate) }
        if let zstd { ZSTD_freeDCtx(zstd) }
    }

    /// Appends what `payload` holds to `output`, at most `limit` bytes.
    public mutating func decompress(
        _ payload: UnsafeRawBufferPointer, codec: Int, appendingTo output: inout GrowableBytes, limit: Int
    ) throws(RecordFormatError) {
        switch codec {
        case 0:
            guard payload.count <= limit else { throw .tooLarge(limit: limit) }
            output.append(copying: payload)
        case 1: try gunzip(payload, &output, limit)
        case 2: try Snappy.decompress(payload, appendingTo: &output, limit: limit)
        case 3:
            if lz4 == nil { lz4 = LZ4Decompressor() }
            try lz4!.decompress(payload, appendingTo: &output, limit: limit)
        case 4: try unzstd(payload, &output, limit)
        default: throw .unsupportedCodec(codec)
        }
    }

    // MARK: gzip

    private mutating func gunzip(
        _ payload: UnsafeRawBufferPointer, _ output: inout GrowableBytes, _ limit: Int
    ) throws(RecordFormatError) {
        if deflate == nil { deflate = libdeflate_alloc_decompressor() }
        guard let deflate else { preconditionFailure("no memory for gzip") }
        var room = min(limit, max(payload.count * 8, 4096))
        while true {
            var (consumed, written) = (0, 0)
            let status = libdeflate_gzip_decompress_ex(
                deflate, payload.baseAddress, payload.count, output.reserve(room), room, &consumed, &written)
            switch status {
            case LIBDEFLATE_SUCCESS:
                guard consumed == payload.count else {
                    throw .decompression("\(payload.count - consumed) bytes behind the gzip stream")
                }
                return output.advance(by: written)
            case LIBDEFLATE_INSUFFICIENT_SPACE:
                // The library wants all of it at once.
                guard room < limit else { throw .tooLarge(limit: limit) }
                room = min(limit, room * 4)
            default: throw .decompression("it is no gzip stream, or not a whole one")
            }
        }
    }

    // MARK: zstd

    private mutating func unzstd(
        _ payload: UnsafeRawBufferPointer, _ output: inout GrowableBytes, _ limit: Int
    ) throws(RecordFormatError) {
        if zstd == nil { zstd = ZSTD_createDCtx() }
        guard let zstd else { preconditionFailure("no memory for zstd") }
        ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only)
        let start = output.count
        var input = ZSTD_inBuffer(src: payload.baseAddress, size: payload.count, pos: 0)
        var room = min(limit, max(payload.count * 6, 4096))
        while true {
            room = min(room, limit - (output.count - start) + 1)
            var target = ZSTD_outBuffer(dst: output.reserve(room), size: room, pos: 0)
            let before = input.pos
            let hint = ZSTD_decompressStream(zstd, &target, &input)
            if ZSTD_isError(hint) != 0 { throw .decompression(String(cString: ZSTD_getErrorName(hint))) }
            output.advance(by: target.pos)
            if output.count - start > limit { throw .tooLarge(limit: limit) }
            if hint == 0 { break }
            if target.pos == 0 && input.pos == before { throw .decompression("the zstd frame ends early") }
            room = min(limit, room * 2)
        }
        guard input.pos == payload.count else { throw .decompression("\(payload.count - input.pos) bytes behind the zstd frame") }
    }
}

/// Snappy as Kafka's clients write it: librdkafka one block; those of the Java family blocks of 32 KiB behind the head of a stream that is theirs alone.
enum Snappy {
    private static let streamMagic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0]
    /// The magic, the version and the oldest version that can read it.
    private static let streamHeadBytes = 16

    static func decompress(
        _ payload: UnsafeRawBufferPointer, appendingTo output: inout GrowableBytes, limit: Int
    ) throws(RecordFormatError) {
        guard payload.starts(with: streamMagic) else { return try block(payload, &output, limit) }
        let start = output.count
        var position = streamHeadBytes
        guard payload.count > position else { throw .decompression("the Snappy stream ends early") }
        while position < payload.count {
            guard payload.count - position >= 4 else { throw .decompression("the Snappy stream ends early") }
            let length = Int(UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            position += 4
            guard length <= payload.count - position else { throw .decompression("a block of the Snappy stream is cut") }
            try block(
                UnsafeRawBufferPointer(rebasing: payload[position..<position + length]), &output, limit - (output.count - start))
            position += length
        }
    }

    private static func block(
        _ block: UnsafeRawBufferPointer, _ output: inout GrowableBytes, _ limit: Int
    ) throws(RecordFormatError) {
        let input = block.baseAddress?.assumingMemoryBound(to: CChar.self)
        var length = 0
        guard let input, snappy_uncompressed_length(input, block.count, &length) == SNAPPY_OK else {
            throw .decompression("it is no Snappy block")
        }
        guard length <= limit else { throw .tooLarge(limit: limit) }
        // A block of few bytes can say that it is of many: each of its bytes makes 64 at most.
        guard length <= block.count * 64 else { throw .decompression("the Snappy block says that it is larger than it can be") }
        let target = output.reserve(length).assumingMemoryBound(to: CChar.self)
        guard snappy_uncompress(input, block.count, target, &length) == SNAPPY_OK else {
            throw .decompression("the Snappy block is damaged")
        }
        output.advance(by: length)
    }
}
