package import NIOCore
internal import NIOHTTP1

extension ConnectionLimits {
    /// Sets the kernel's buffers. A connection has those of the listener that accepted it.
    package func apply(toListener channel: any Channel) async {
        // What the system refuses here it bounds by its own settings.
        try? await channel.setOption(.socketOption(.so_sndbuf), value: numericCast(sendBufferBytes)).get()
        try? await channel.setOption(.socketOption(.so_rcvbuf), value: numericCast(receiveBufferBytes)).get()
    }

    /// Sets a connection's own buffer, on its event loop.
    func apply(to channel: any Channel) throws {
        let allocator = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: readBytesMax)
        try channel.syncOptions?.setOption(.recvAllocator, value: allocator)
        // As many buffers are kept as may be filled in one go.
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
    }

    var ofDecoder: NIOHTTPDecoderLimitConfiguration {
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderFieldSize = headerBytesMax
        configuration.maxHeaderListSize = headerBytesMax
        configuration.maxHeaderFieldCount = headerFieldsMax
        return configuration
    }
}
