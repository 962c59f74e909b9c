internal import EventModel

/// The ways in. The raw value is what a rejected event's record calls it.
package enum IngestEndpoint: String, Sendable, CaseIterable {
    case events, batch, identify, page, track
    case segmentBatch = "v1/batch"
    case segmentTrack = "v1/track"
    case segmentIdentify = "v1/identify"
    case segmentPage = "v1/page"
    case segmentScreen = "v1/screen"
    case segmentGroup = "v1/group"
    case segmentAlias = "v1/alias"

    /// Whether it is one of Segment's, where what can be read at all is answered 200.
    package var isSegment: Bool { self == .segmentBatch || segmentCall != nil }

    /// The call that every event here is; nil where its `type` says so, and where there are no calls.
    private var segmentCall: SegmentCall? {
        switch self {
        case .segmentTrack: .track
        case .segmentIdentify: .identify
        case .segmentPage: .page
        case .segmentScreen: .screen
        case .segmentGroup: .group
        case .segmentAlias: .alias
        case .segmentBatch, .events, .batch, .identify, .page, .track: nil
        }
    }

    /// What an event with this envelope is here.
    func form(of envelope: Envelope) -> EventForm {
        switch self {
        case .events, .batch, .track: EventForm()
        case .identify: EventForm(naming: .given("identify"))
        case .page: EventForm(naming: .given("page_view"), isPage: true)
        case .segmentBatch:
            SegmentCall(type: envelope.type)?.form ?? EventForm(naming: .unknownType(known: SegmentCall.names))
        case .segmentTrack, .segmentIdentify, .segmentPage, .segmentScreen, .segmentGroup, .segmentAlias:
            segmentCall?.form ?? EventForm()
        }
    }

    /// What an event with this envelope is stored as, or would be.
    func name(of envelope: Envelope) -> UnsafeRawBufferPointer? {
        var own: UnsafeRawBufferPointer? { envelope.event.flatMap { $0.isString ? $0.stringBytes : nil } }
        return switch form(of: envelope).naming {
        case .own, .unknownType: own
        case .given(let name): own ?? UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        case .replaced(let name): UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        }
    }

    package var shape: RequestDecoder.Shape {
        switch self {
        case .events: .any
        case .batch: .batch
        case .identify, .page, .track: .single
        case .segmentBatch: .segmentBatch
        case .segmentTrack, .segmentIdentify, .segmentPage, .segmentScreen, .segmentGroup, .segmentAlias: .whatever
        }
    }
}
