package import Ingestion

/// The addresses that take events: `/api/events` and those below it, and Segment's, long (`/v1/track`) and short (`/v1/t`).
package struct EventsAddress: Sendable {
    package let endpoint: IngestEndpoint
    /// Whether the request's own `User-Agent` is the user's. Segment's libraries on servers use the long addresses, those in browsers
    /// the short ones.
    package let isOfUser: Bool

    private init(_ endpoint: IngestEndpoint, isOfUser: Bool = true) {
        self.endpoint = endpoint
        self.isOfUser = isOfUser
    }

    /// Nil for other addresses. As in the framework's routes, slashes count once.
    init?(uri: String) {
        guard uri.utf8.first == UInt8(ascii: "/") else { return nil }
        let path = uri.utf8.prefix { $0 != UInt8(ascii: "?") }
        var parts = path.split(separator: UInt8(ascii: "/")).makeIterator()
        guard let first = parts.next(), let second = parts.next() else { return nil }
        let third = parts.next()
        guard parts.next() == nil else { return nil }
        if first.elementsEqual("api".utf8), second.elementsEqual("events".utf8) {
            guard let third else {
                self.init(.events)
                return
            }
            guard let endpoint = Self.below(third) else { return nil }
            self.init(endpoint)
            return
        }
        guard first.elementsEqual("v1".utf8), third == nil,
            let found = Self.segment.first(where: { second.elementsEqual($0.long.utf8) || second.elementsEqual($0.short.utf8) })
        else { return nil }
        self.init(found.endpoint, isOfUser: second.elementsEqual(found.short.utf8))
    }

    /// Of a path as it is written in the documentation, which begins with `/api/events`.
    init?(usual path: UnsafeRawBufferPointer) {
        let known: StaticString = "/api/events/"
        guard path.count >= known.utf8CodeUnitCount else {
            self.init(.events)
            return
        }
        guard path[known.utf8CodeUnitCount - 1] == UInt8(ascii: "/"),
            let endpoint = Self.below(UnsafeRawBufferPointer(rebasing: path[known.utf8CodeUnitCount...]))
        else { return nil }
        self.init(endpoint)
    }

    private static func below(_ name: some Sequence<UInt8>) -> IngestEndpoint? {
        IngestEndpoint.allCases.first { $0 != .events && !$0.isSegment && name.elementsEqual($0.rawValue.utf8) }
    }

    private static let segment: [(long: String, short: String, endpoint: IngestEndpoint)] = [
        ("track", "t", .segmentTrack), ("identify", "i", .segmentIdentify), ("page", "p", .segmentPage),
        ("screen", "s", .segmentScreen), ("group", "g", .segmentGroup), ("alias", "a", .segmentAlias),
        ("batch", "b", .segmentBatch),
    ]
}
