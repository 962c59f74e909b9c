internal import NIOCore
internal import Synchronization

/// The watches of all event loops.
package final class ConnectionWatches: Sendable {
    let limits: ConnectionLimits
    private let loopCount: Int
    private let wallClock: @Sendable () -> Int64
    private let watches = Mutex<[ObjectIdentifier: NIOLoopBound<LoopWatch>]>([:])

    /// - Parameters:
    ///   - loopCount: how many event loops share the limits.
    ///   - wallClock: milliseconds since 1970, for the answers' dates.
    package init(limits: ConnectionLimits, loopCount: Int, wallClock: @escaping @Sendable () -> Int64) {
        self.limits = limits
        self.loopCount = loopCount
        self.wallClock = wallClock
    }

    /// The watch of this event loop, which must be the current one.
    func watch(of eventLoop: any EventLoop) -> LoopWatch {
        watches.withLock { watches in
            if let watch = watches[ObjectIdentifier(eventLoop)] { return watch }
            let watch = NIOLoopBound(
                LoopWatch(eventLoop: eventLoop, limits: limits, loopCount: loopCount, wallClock: wallClock),
                eventLoop: eventLoop)
            watches[ObjectIdentifier(eventLoop)] = watch
            return watch
        }.value
    }
}
