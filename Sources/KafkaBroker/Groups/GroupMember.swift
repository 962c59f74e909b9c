/// A member of a group, as it has said of itself.
package struct GroupMember: Sendable {
    package let id: String
    package let instanceID: String?
    package let clientID: String
    package let clientHost: String
    package var sessionTimeout: Int64
    package var rebalanceTimeout: Int64
    /// What it can be assigned by, the best first, and what it says for each.
    package var protocols: [(name: String, metadata: [UInt8])]
    package var assignment: [UInt8] = []
    /// When it said something last, in milliseconds by a clock that is never set.
    package var lastHeard: Int64
    /// Whom to answer when the generation begins, and when its assignment is there.
    package var waitingJoin: GroupState.Waiter?
    package var waitingSync: GroupState.Waiter?

    /// Whoever waits for an answer is there.
    package var isWaiting: Bool { waitingJoin != nil || waitingSync != nil }
    /// Until when it must say something; nil: it waits for an answer.
    package var deadline: Int64? { isWaiting ? nil : lastHeard + sessionTimeout }

    /// What it takes of memory, more or less.
    package var byteCount: Int {
        protocols.reduce(assignment.count + id.utf8.count) { $0 + $1.name.utf8.count + $1.metadata.count }
    }

    package func metadata(for name: String?) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }

    package func hasSameProtocols(as other: [(name: String, metadata: [UInt8])]) -> Bool {
        protocols.count == other.count && zip(protocols, other).allSatisfy { $0.name == $1.name && $0.metadata == $1.metadata }
    }
}
