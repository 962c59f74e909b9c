/// A member of a group, as it has said of itself.
struct GroupMember: Sendable {
    let id: String
    let instanceID: String?
    let clientID: String
    let clientHost: String
    var sessionTimeout: Int64
    var rebalanceTimeout: Int64
    /// What it can be assigned by, the best first, and what it says for each.
    var protocols: [(name: String, metadata: [UInt8])]
    var assignment: [UInt8] = []
    /// When it said something last, in milliseconds by a clock that is never set.
    var lastHeard: Int64
    /// Whom to answer when the generation begins, and when its assignment is there.
    var waitingJoin: GroupState.Waiter?
    var waitingSync: GroupState.Waiter?

    /// Whoever waits for an answer is there.
    var isWaiting: Bool { waitingJoin != nil || waitingSync != nil }
    /// Until when it must say something; nil: it waits for an answer.
    var deadline: Int64? { isWaiting ? nil : lastHeard + sessionTimeout }

    func metadata(for name: String?) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }

    func hasSameProtocols(as other: [(name: String, metadata: [UInt8])]) -> Bool {
        protocols.count == other.count && zip(protocols, other).allSatisfy { $0.name == $1.name && $0.metadata == $1.metadata }
    }
}
