/// What the events of one session id amount to: the times in which it was in use. Each event makes one, from when it was received until
/// the session would end behind it; those that touch are one. The order in which events come changes nothing.
struct SessionSpans: Sendable, Equatable {
    /// Milliseconds since 1970, all of them.
    struct Span: Sendable, Equatable {
        /// When the first event was received.
        var first: Int64
        /// A session that nothing is received of up to then has ended.
        var until: Int64
        /// The times of the earliest and of the latest event, as these say it.
        var started: Int64
        var last: Int64
    }

    /// Beyond so many, later ones are not kept.
    private static let spansMax = 64

    /// In order, not empty, with gaps between them. The first is the session; what comes behind it came too late for it.
    private(set) var all: [Span]

    init(_ span: Span) { all = [span] }

    var session: Span { all[0] }

    mutating func add(_ other: SessionSpans) {
        for span in other.all { add(span) }
    }

    private mutating func add(_ span: Span) {
        var merged = span
        var others: [Span] = []
        // In order, so one that a merge has made longer meets the next one behind.
        for known in all {
            if known.first <= merged.until && merged.first <= known.until {
                merged.first = min(merged.first, known.first)
                merged.until = max(merged.until, known.until)
                merged.started = min(merged.started, known.started)
                merged.last = max(merged.last, known.last)
            } else {
                others.append(known)
            }
        }
        let place = others.firstIndex { $0.first > merged.first } ?? others.count
        others.insert(merged, at: place)
        all = Array(others.prefix(Self.spansMax))
    }

    /// Leaves the session alone.
    mutating func end() { all.removeLast(all.count - 1) }
}
