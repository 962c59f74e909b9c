internal import CDeflate
internal import EventModel
internal import RecordFormat

/// Inflates request bodies with libdeflate, never beyond a limit. For one thread at a time.
struct BodyInflater: ~Copyable {
    enum Failure: Error { case tooLarge, malformed }

    private let decompressor: OpaquePointer

    init() {
        guard let decompressor = libdeflate_alloc_decompressor() else { preconditionFailure("no memory") }
        self.decompressor = decompressor
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    /// Replaces the contents of `text` by the inflated `body`, with room for the JSON parser's padding behind it.
    func inflate(
        _ body: UnsafeRawBufferPointer, _ encoding: BodyEncoding, limit: Int, into text: inout GrowableBytes
    ) throws(Failure) {
        text.removeAll()
        let target = text.reserve(limit + JSONParser.padding)
        switch encoding {
        case .identity:
            guard body.count <= limit else { throw .tooLarge }
            text.append(copying: body)
        case .gzip:
            // A gzip file may consist of several members, one behind the other.
            var consumed = 0
            repeat {
                var used = 0
                var produced = 0
                try check(
                    libdeflate_gzip_decompress_ex(
                        decompressor, body.baseAddress.map { $0 + consumed }, body.count - consumed,
                        target + text.count, limit - text.count, &used, &produced))
                consumed += used
                text.advance(by: produced)
            } while consumed < body.count
        case .deflate:
            // RFC 9110 means the zlib format; some clients send a bare deflate stream.
            var produced = 0
            var status = libdeflate_zlib_decompress(
                decompressor, body.baseAddress, body.count, target, limit, &produced)
            if status == LIBDEFLATE_BAD_DATA {
                status = libdeflate_deflate_decompress(
                    decompressor, body.baseAddress, body.count, target, limit, &produced)
            }
            try check(status)
            text.advance(by: produced)
        }
    }

    private func check(_ status: libdeflate_result) throws(Failure) {
        switch status {
        case LIBDEFLATE_SUCCESS: return
        case LIBDEFLATE_INSUFFICIENT_SPACE: throw .tooLarge
        default: throw .malformed
        }
    }
}
