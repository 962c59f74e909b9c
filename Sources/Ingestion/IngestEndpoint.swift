/// The ways in.
package enum IngestEndpoint: String, Sendable, CaseIterable {
    case events, batch, identify, page, track

    /// The name that an event gets here when it has none, and must have otherwise.
    package var eventName: StaticString? {
        switch self {
        case .identify: "identify"
        case .page: "page_view"
        case .events, .batch, .track: nil
        }
    }

    var shape: RequestDecoder.Shape {
        switch self {
        case .events: .any
        case .batch: .batch
        case .identify, .page, .track: .single
        }
    }
}
