internal import EventModel

/// Asks an alias source whose ids are, of each once.
struct KnownOwners {
    private let source: any AliasSource
    private var known: [ExactText: [AliasOwner]] = [:]
    /// What was answered, of rows that were built with it.
    private(set) var used: [(id: ExactText, time: Int64, user: String?)] = []
    /// Why an id could not be looked up.
    private(set) var failure: (any Error)?

    init(_ source: any AliasSource) { self.source = source }

    /// nil: nobody's at that time, or `failure`.
    mutating func owner(of id: ExactText, at time: Int64) -> String? {
        do {
            var owners = try known[id] ?? source.owners(of: id)
            if owners.count > AliasOwner.ownersMax { owners = [] }
            known[id] = owners
            let user = owners.first { $0.holds(time) }?.user
            used.append((id, time, user))
            return user
        } catch {
            failure = error
            return nil
        }
    }
}
