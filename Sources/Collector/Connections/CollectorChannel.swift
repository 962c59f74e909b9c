package import HummingbirdCore
package import Logging
package import NIOCore
internal import NIOHTTP1
package import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1

/// What each connection consists of. The framework's own idle timeout is not used: it never closes while a request is
/// unanswered, and would be one timer more for each connection.
package struct CollectorChannel: HTTPChannelHandler {
    package let responder: Responder
    private let watches: ConnectionWatches
    private let edge: EventsEdge

    package init(responder: @escaping Responder, watches: ConnectionWatches, edge: EventsEdge) {
        self.responder = responder
        self.watches = watches
        self.edge = edge
    }

    package func setup(
        channel: any Channel, logger: Logger
    ) -> EventLoopFuture<NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>> {
        channel.eventLoop.makeCompletedFuture {
            let limits = watches.limits
            try limits.apply(to: channel)
            let connection = Connection(limits: limits, watch: watches.watch(of: channel.eventLoop))
            let handlers = channel.pipeline.syncOperations
            let events = EventsHandler(edge, connection)
            try handlers.addHandler(ConnectionBytesHandler(connection, events))
            try handlers.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits.ofDecoder)
            try handlers.addHandler(ConnectionGuard(connection))
            try handlers.addHandler(events)
            // From here on only the framework's.
            try handlers.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try handlers.addHandler(HTTPConnectionStateHandler(logger: logger))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    package func handle(value: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
