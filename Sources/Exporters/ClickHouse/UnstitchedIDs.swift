internal import EventModel

/// Ids of which more became known, in the order in which that was said: their rows wait for their users.
struct UnstitchedIDs {
    private(set) var ids: [ExactText] = []
    private var known: Set<ExactText> = []

    init(_ texts: [String] = []) { for text in texts { insert(ExactText(text)) } }

    var count: Int { ids.count }
    var texts: [String] { ids.map(\.string) }

    mutating func insert(_ id: ExactText) { if known.insert(id).inserted { ids.append(id) } }

    /// The first ones are done.
    mutating func removeFirst(_ count: Int) {
        for id in ids.prefix(count) { known.remove(id) }
        ids.removeFirst(count)
    }
}
