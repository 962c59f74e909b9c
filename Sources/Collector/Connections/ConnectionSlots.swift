internal import HummingbirdCore

/// Whether one more connection is accepted. Where it is not, it waits in the backlog until another one closes.
package struct ConnectionSlots: AvailableConnectionsDelegate {
    private let connectionsMax: Int
    private let connectionsMin: Int
    /// For how many connections there are descriptors, given how many are open: the log needs them more.
    private let descriptorsFor: @Sendable (_ open: Int) -> Int
    private var openCount = 0

    package init(limits: ConnectionLimits, descriptorsFor: @escaping @Sendable (_ open: Int) -> Int) {
        connectionsMax = limits.connectionsMax
        connectionsMin = limits.connectionsMin
        self.descriptorsFor = descriptorsFor
    }

    package mutating func connectionOpened() { openCount += 1 }
    package mutating func connectionClosed() { openCount -= 1 }

    package func isAcceptingNewConnections() -> Bool {
        openCount < connectionsMax && (openCount < connectionsMin || openCount < descriptorsFor(openCount))
    }
}
