package import HummingbirdCore
internal import NIOCore
internal import Synchronization

/// The watches of all event loops.
package final class ConnectionWatches: Sendable {
    let limits: ConnectionLimits
    private let loopCount: Int
    private let watches = Mutex<[ObjectIdentifier: NIOLoopBound<LoopWatch>]>([:])

    /// `loopCount` is how many event loops share the limits.
    package init(limits: ConnectionLimits, loopCount: Int) {
        self.limits = limits
        self.loopCount = loopCount
    }

    /// What makes a server's connections watched. The framework's own idle timeout is not used: it never closes while a
    /// request is unanswered, and would be one timer more for each connection.
    package var channelConfiguration: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(self)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytesMax, maxHeaderListSize: limits.headerBytesMax,
                maxHeaderFieldCount: limits.headerFieldsMax))
    }

    /// The watch of this event loop, which must be the current one.
    func watch(of eventLoop: any EventLoop) -> LoopWatch {
        watches.withLock { watches in
            if let watch = watches[ObjectIdentifier(eventLoop)] { return watch }
            let watch = NIOLoopBound(LoopWatch(eventLoop: eventLoop, limits: limits, loopCount: loopCount), eventLoop: eventLoop)
            watches[ObjectIdentifier(eventLoop)] = watch
            return watch
        }.value
    }
}
