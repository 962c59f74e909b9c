internal import EventModel

/// The calls of Segment's tracking API, as an event's `type` or an address names them.
package enum SegmentCall: String, Sendable, CaseIterable {
    case track, identify, page, screen, group, alias

    static let names: StaticString = "track, identify, page, screen, group, alias"

    /// nil: none of them.
    init?(type: JSONValue?) {
        guard let type, type.isString else { return nil }
        if type.equals("track") {
            self = .track
        } else if type.equals("identify") {
            self = .identify
        } else if type.equals("page") {
            self = .page
        } else if type.equals("screen") {
            self = .screen
        } else if type.equals("group") {
            self = .group
        } else if type.equals("alias") {
            self = .alias
        } else {
            return nil
        }
    }

    var form: EventForm {
        switch self {
        case .track: EventForm(naming: .own, isTyped: true)
        case .identify: EventForm(naming: .replaced("identify"), hasTraits: true, isTyped: true)
        case .page: EventForm(naming: .replaced("page_view"), isPage: true, isTyped: true)
        case .screen: EventForm(naming: .replaced("screen_view"), isTyped: true)
        case .group: EventForm(naming: .replaced("group"), hasTraits: true, isTyped: true)
        case .alias: EventForm(naming: .replaced("alias"), isTyped: true)
        }
    }
}
