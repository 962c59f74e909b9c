/// What one connection may take of the service, and what all of them together may.
///
/// Time is counted in ticks of one second, so a deadline passes up to one second late, never early.
package struct ConnectionLimits: Sendable {
    /// Connections at once. More wait in the kernel's backlog until one closes.
    package var connectionsMax = 10_000
    /// Connections that wait in the backlog; above it the kernel drops the attempt and the client tries again.
    package var backlog = 1024
    /// Always accepted, however few descriptors are left: without any connection none would ever close.
    package var connectionsMin = 16

    /// From the first byte of a request to the end of its headers.
    package var headerSeconds = 10
    /// Within each such span a body that comes in, or answers that are taken, must move on at the minimum rate.
    package var rateSeconds = 10
    /// The slowest of mobile networks are five times as fast.
    package var bytesPerSecondMin = 512
    /// Between requests.
    package var idleSeconds = 75
    /// Between requests, while more than three quarters of the connections are taken.
    package var idleSecondsWhenCrowded = 10
    /// After the last answer, for the client to read it and close. Closing with bytes unread would destroy it on its way.
    package var lingerSeconds = 2

    /// Bytes of a request's line and headers.
    package var headerBytesMax = 16 << 10
    package var headerFieldsMax = 100
    /// Bytes of the content of the longest body that any address takes.
    package let bodyBytesMax: Int
    /// Bytes of a body's content at the addresses that most come to.
    package let usualBodyBytesMax: Int
    /// Requests of one connection that wait for their answers. One more, and the connection ends after these.
    package var pipelinedRequestsMax = 32
    /// As long as so many wait, no more is read. It leaves room for those that come in the last read.
    package var requestsAheadMax = 8

    /// What the kernel keeps of a connection on its way out. It would let answers that nobody takes grow to megabytes.
    package var sendBufferBytes = 64 << 10
    /// And on its way in: enough for a whole body, as long as that is not large.
    package var receiveBufferBytes: Int

    /// Bytes taken from the kernel at a time. A connection keeps a buffer of that size for its next read, also while it is
    /// idle, and what is in it is decoded in one go, while the other connections of the event loop wait.
    ///
    /// The beginning of a request that came in one read with the end of the one before is only counted, and its time only runs,
    /// once more of it comes: until then the connection is idle and holds one such buffer.
    package var readBytesMax = 16 << 10

    /// Bytes held for requests without an answer and for answers that were not taken, of all connections.
    package var heldBytesMax: Int
    /// What a request holds beside its bytes.
    package var requestOverheadBytes = 1 << 10

    package init(bodyBytesMax: Int, usualBodyBytesMax: Int? = nil) {
        self.bodyBytesMax = bodyBytesMax
        self.usualBodyBytesMax = usualBodyBytesMax ?? bodyBytesMax
        receiveBufferBytes = min(max(64 << 10, self.usualBodyBytesMax), 1 << 20)
        heldBytesMax = max(64 << 20, 64 * bodyBytesMax)
    }

    /// Bytes of a body with its chunks' sizes: chunks of one byte take six, and there is room for some extensions. A longer body than the
    /// usual one comes in chunks of some length, or in none.
    func encodedBodyBytesMax(isLong: Bool) -> Int {
        8 * usualBodyBytesMax + (isLong ? bodyBytesMax : 0) + headerBytesMax
    }
}
