internal import Collector
internal import Consumption
internal import EventLog
internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import Projections
internal import RecordFormat
internal import ServiceLifecycle

/// `GET /api/admin/events/live`: events as they come, as server-sent events (the HTML standard, section 9.2): `data` is an event as it is stored,
/// with its `partition` and `offset`. Filters are `event` and `userId`. With `Last-Event-ID` it goes on behind that event.
///
/// `event: gap` stands for records that are lost; `event: dropped` is the last one of a reader that cannot keep up.
package struct LiveRoutes: Sendable {
    private static let heartbeatInterval = Duration.seconds(15)
    /// A reader that was not at the end for so long is dropped.
    private static let behindMax = Duration.seconds(20)
    /// What comes in this time comes together.
    private static let gathering = Duration.milliseconds(100)
    private static let lastEventID = HTTPField.Name("Last-Event-ID")

    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("events/live") { request, _ in try answer(request) }
    }

    private func answer(_ request: Request) throws -> Response {
        let parameters = try QueryParameters(request, known: ["event", "userId"])
        let readers = try services.opened().live
        let (event, user) = (parameters.text("event"), parameters.text("userId"))
        let positions = try Self.positions(request, readers)
        guard let slot = readers.enter() else {
            throw AdminError(
                .serviceUnavailable, "too_many_readers", "\(LiveReaders.readersMax) watch already; come again when one has gone")
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .init("X-Accel-Buffering")!: "no"],
            body: ResponseBody { writer in
                defer { withExtendedLifetime(slot) {} }
                let tail = LiveTail(
                    feed: readers.feed, topic: readers.topic, filter: RecordFilter(events: event.map { [$0] } ?? [], user: user),
                    positions: positions)
                try await withTaskExecutorPreference(readers.executor) { try await Self.follow(tail, readers, &writer) }
                try await writer.finish(nil)
            })
    }

    private static func positions(_ request: Request, _ readers: LiveReaders) throws -> [Int64] {
        let ends = try LiveTail.ends(readers.topic, readers.feed)
        guard let name = lastEventID, let text = request.headers[name] else { return ends }
        guard let positions = OpaqueNumbers.numbers(text), positions.count == ends.count,
            zip(positions, ends).allSatisfy({ $0 <= $1 })
        else { throw AdminError(parameter: "Last-Event-ID", text, must: "the id of an event of this log") }
        return positions
    }

    /// Gives events until the reader goes, the service stops, or the reader falls behind.
    private static func follow(_ tail: LiveTail, _ readers: LiveReaders, _ writer: inout any ResponseBodyWriter) async throws {
        var tail = tail
        let growth = readers.feed.growth(of: readers.topic.name)
        var (lastWrite, lastAtEnd, isBehind) = (ContinuousClock.now, ContinuousClock.now, false)
        func write(_ text: String) async throws {
            try await writer.write(ByteBuffer(string: text))
            lastWrite = .now
        }
        // So that whoever waits knows that it was heard.
        try await write("retry: 5000\n\(tail.heartbeat)")
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let seen = growth.count
            let piece = try await tail.next()
            // What has just come was opened for all of them; who is behind costs reads of its own.
            try await readers.pace(piece.bytes.count, lookedAt: isBehind ? piece.lookedAt : 0)
            if piece.bytes.count > 0 {
                try await writer.write(ByteBuffer(bytes: piece.bytes.bytes))
                lastWrite = .now
            }
            if .now - lastWrite >= heartbeatInterval { try await write(tail.heartbeat) }
            isBehind = !piece.isAtEnd
            if isBehind {
                guard .now - lastAtEnd > behindMax else { continue }
                readers.noteDropped()
                return try await write(tail.farewell)
            }
            lastAtEnd = .now
            let silence = heartbeatInterval - (.now - lastWrite)
            await cancelWhenGracefulShutdown { await growth.wait(beyond: seen, atMost: max(silence, gathering)) }
            try await Task.sleep(for: gathering)
        }
    }
}
