/// What one request may hold.
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

    package init() {}
}
