/// What one request may hold, and how much may come in.
package struct IngestLimits: Sendable {
    /// Nesting within one event; deeper ones are rejected alone.
    package static let depthMax = 64
    /// Of the parser: `{"batch":[...]}` around an event.
    package static let parserDepthMax = depthMax + 2
    /// Above this, numbers of events no longer fit where they are kept.
    package static let batchEventsCeiling = 10_000
    /// Twice this and what is spliced in stays below the largest record batch (`/page` may store a title twice).
    package static let inflatedBytesCeiling = 24 << 20

    /// Events in one request.
    package var batchEvents = 100
    /// Bytes of a body as received, and of one event.
    package var payloadBytes = 32_768
    /// Bytes of a body after inflating.
    package var inflatedBytes = 1 << 20
    /// Events per second of all clients together; 0: no limit.
    package var globalEventsPerSecond = 10_000
    /// Events per second of one client address, where its write key has no other; 0: no limit.
    package var addressEventsPerSecond = 100

    package init() {}

    /// What one request may hold at one of the ways in. A batch of Segment's has Segment's own limits where these are wider; its
    /// events have the usual one.
    package func at(_ endpoint: IngestEndpoint) -> IngestLimits {
        guard endpoint == .segmentBatch else { return self }
        var limits = self
        limits.batchEvents = max(batchEvents, Self.segmentBatchEvents)
        limits.payloadBytes = max(payloadBytes, Self.segmentBatchBytes)
        limits.inflatedBytes = limits.payloadBytes
        return limits
    }

    /// Of a batch of Segment's, before and after inflating.
    private static let segmentBatchBytes = 500 << 10
    private static let segmentBatchEvents = 2500
}
