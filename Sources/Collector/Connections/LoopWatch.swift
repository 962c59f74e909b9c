internal import NIOCore

/// Watches the connections of one event loop: one timer for all of them, and their share of the memory.
final class LoopWatch {
    /// Connections looked at in one go. Each costs about a microsecond, in which no other is served.
    private static let portionMax = 128

    private let eventLoop: any EventLoop
    private let connectionsMax: Int
    private let heldBytesMax: Int
    /// Milliseconds since 1970.
    private let wallClock: @Sendable () -> Int64
    /// The answers' date, of this second since 1970.
    private var date: (second: Int64, text: [UInt8])?
    /// Seconds, as far as the event loop kept up: time in which it read nothing is no client's fault.
    private(set) var now: ConnectionState.Tick = 0
    private var heldByteCount = 0
    /// The next search for room is above this: one that found too little is not repeated for each byte that comes.
    private var searchAbove: Int
    /// Where requests of this loop go on.
    let inbox: LoopInbox
    /// Records that are prepared and not handed to the log, which bounds what it holds itself.
    var preparedByteCount = 0
    private var isEvicting = false
    /// In no order; each knows its place.
    private var connections: [Connection] = []
    /// Where the next portion of this second begins; nil: no timer runs.
    private var cursor: Int?
    /// When this second's round began.
    private var roundBegan = NIODeadline.uptimeNanoseconds(0)

    init(eventLoop: any EventLoop, limits: ConnectionLimits, loopCount: Int, wallClock: @escaping @Sendable () -> Int64) {
        self.eventLoop = eventLoop
        inbox = LoopInbox(eventLoop: eventLoop)
        self.wallClock = wallClock
        connectionsMax = max(1, limits.connectionsMax / loopCount)
        // With many loops a share must still hold a few bodies.
        heldBytesMax = max(limits.heldBytesMax / loopCount, 4 * limits.bodyBytesMax)
        searchAbove = heldBytesMax
    }

    func add(_ connection: Connection) {
        connection.place = connections.count
        connections.append(connection)
        guard cursor == nil else { return }
        cursor = 0
        schedule(in: .seconds(1))
    }

    func remove(_ connection: Connection, heldByteCount: Int) {
        guard let place = connection.place else { return }
        connection.place = nil
        self.heldByteCount -= heldByteCount
        let last = connections.removeLast()
        if last !== connection {
            last.place = place
            connections[place] = last
        }
    }

    /// The time as answers say it. It is written once a second.
    func dateText() -> [UInt8] {
        let now = wallClock()
        if let date, date.second == now / 1000 { return date.text }
        let text = HTTPDate.text(now)
        date = (now / 1000, text)
        return text
    }

    // MARK: Memory

    func heldBytesChanged(by change: Int) {
        heldByteCount += change
        if heldByteCount <= heldBytesMax { searchAbove = heldBytesMax }
        if heldByteCount > searchAbove { makeRoom() }
    }

    /// Whoever has kept its memory for the longest gives it back, within one second the one that has most: an honest request is
    /// complete within milliseconds. A quarter is freed at once, so that the search is rare.
    private func makeRoom() {
        guard !isEvicting else { return }
        isEvicting = true
        defer {
            isEvicting = false
            searchAbove = max(heldBytesMax, heldByteCount + heldBytesMax / 16)
        }
        let candidates =
            connections
            .filter { $0.state.heldByteCount > 0 }
            .compactMap { connection in connection.state.heldForClientSince.map { (since: $0, connection) } }
            .sorted { ($0.since, -$0.1.state.heldByteCount) < ($1.since, -$1.1.state.heldByteCount) }
        for (_, connection) in candidates {
            guard heldByteCount > heldBytesMax / 4 * 3 else { return }
            connection.evict()
        }
    }

    // MARK: Time

    private func schedule(in delay: TimeAmount) {
        eventLoop.assumeIsolated().scheduleTask(in: delay) { self.tick() }
    }

    /// Looks at the next portion of the connections, and sleeps so long that all of them have their turn once a second. One
    /// that moves into a place already passed has it a second later.
    private func tick() {
        guard !connections.isEmpty, var place = cursor else {
            cursor = nil
            return
        }
        if place == 0 {
            now += 1
            roundBegan = .now()
        }
        let isCrowded = connections.count > connectionsMax / 4 * 3
        let end = place + Self.portionMax
        while place < min(end, connections.count) {
            let connection = connections[place]
            connection.tick(isCrowded: isCrowded)
            if connection.place == place { place += 1 }
        }
        let portionCount = (connections.count + Self.portionMax - 1) / Self.portionMax
        cursor = place < connections.count ? place : 0
        // The last portion waits for the rest of the second: connections that went meanwhile do not make it shorter.
        let pause = cursor == 0 ? max(.zero, roundBegan + .seconds(1) - .now()) : .milliseconds(1000 / Int64(portionCount))
        schedule(in: pause)
    }
}
