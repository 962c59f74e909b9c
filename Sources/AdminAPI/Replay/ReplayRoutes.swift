internal import Collector
internal import Consumption
internal import EventLog
internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import NIOCore

/// `/api/admin/events/replay`: reads the log again from where it is asked for, into a topic or an exporter.
///
/// `POST` takes a replay on (202), `GET` lists those that are known, `GET` and `DELETE` of `/{id}` show one and end it.
package struct ReplayRoutes: Sendable {
    private static let bodyBytesMax = 64 << 10

    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.post("events/replay") { request, context in try await submit(request, context) }
        group.get("events/replay") { _, _ in
            ReplayList(replays: try desk().queue.all.map(ReplayAnswer.init))
        }
        group.get("events/replay/{id}") { _, context in
            try Self.found(desk().queue.replay(Self.id(context)), context)
        }
        group.delete("events/replay/{id}") { _, context in
            let queue = try desk().queue
            do {
                return try Self.found(await queue.cancel(Self.id(context)), context)
            } catch let error as AdminError {
                throw error
            } catch {
                throw AdminError(
                    .serviceUnavailable, "unavailable",
                    "it writes nothing more, but a restart would go on with it, for that cannot be kept: \(error); ask again")
            }
        }
    }

    private func desk() throws(AdminError) -> ReplayDesk {
        let desk = try services.opened().replay
        guard desk.queue.isLoaded else {
            throw AdminError(
                .serviceUnavailable, "starting", "what is kept of replays is not read yet; why stands in the service's log")
        }
        return desk
    }

    private static func id(_ context: some RequestContext) -> String { context.parameters.get("id") ?? "" }

    private static func found(_ replay: Replay?, _ context: some RequestContext) throws(AdminError) -> ReplayAnswer {
        guard let replay else { throw AdminError(.notFound, "not_found", "there is no replay \(id(context))") }
        return ReplayAnswer(replay)
    }

    private func submit(_ request: Request, _ context: some RequestContext) async throws -> Response {
        let desk = try desk()
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: Self.bodyBytesMax) } catch is NIOTooManyBytesError {
            throw AdminError(.contentTooLarge, "too_large", "the body has more than \(Self.bodyBytesMax) bytes")
        }
        let wanted = try ReplayRequest(Array(buffer: body))
        do {
            let plan = try await Self.plan(wanted, desk)
            try await desk.queue.submit(plan)
            let replay = desk.queue.replay(plan.id) ?? Replay(plan: plan, progress: ReplayProgress(plan))
            return try EditedResponse(
                status: .accepted, headers: [.location: "/api/admin/events/replay/\(plan.id)"], response: ReplayAnswer(replay)
            ).response(from: request, context: context)
        } catch let error as AdminError {
            throw error
        } catch let error as ReplayBounds.Refusal {
            throw AdminError(.badRequest, "invalid_range", error.description)
        } catch ReplayQueue.Refusal.tooMany {
            throw AdminError(
                .tooManyRequests, "too_many_replays",
                "\(ReplayQueue.waitingMax) replays wait already; come again when some have run, or end some")
        } catch {
            throw AdminError(.serviceUnavailable, "unavailable", "\(error)")
        }
    }

    private static func plan(_ wanted: ReplayRequest, _ desk: ReplayDesk) async throws -> ReplayPlan {
        let topic = try wanted.target.flatMap { target throws(AdminError) in try Self.topic(target, desk) }
        var ranges = try await wanted.bounds.ranges(of: desk.source, in: desk.log)
        if let only = RecordFilter(user: wanted.user).partition(of: ranges.count) {
            for number in ranges.indices where number != only {
                ranges[number] = ranges[number].lowerBound..<ranges[number].lowerBound
            }
        }
        if let topic, !wanted.isDry {
            do throws(LogError) { try await desk.makeTopic(topic) } catch {
                let status: HTTPResponse.Status = error.code == .invalidArgument ? .conflict : .serviceUnavailable
                throw AdminError(status, "no_topic", "the topic \(topic) cannot be made: \(error.message)")
            }
        }
        return ReplayPlan(
            id: UUID().uuidString.lowercased(), createdAt: desk.now(), source: desk.source.name, ranges: ranges,
            events: wanted.events, user: wanted.user,
            target: wanted.target ?? "", eventsPerSecond: wanted.eventsPerSecond, isDry: wanted.isDry)
    }

    /// nil: the target is an exporter.
    private static func topic(_ target: String, _ desk: ReplayDesk) throws(AdminError) -> TopicName? {
        if desk.exporters.contains(target) { return nil }
        guard let topic = TopicTarget.topic(of: target) else {
            throw AdminError(
                .badRequest, "invalid_target",
                "target is \"\(target)\"; it must be topic:NAME, of 1 to \(TopicName.charactersMax) letters, digits, '.', '_', '-', "
                    + (desk.exporters.isEmpty
                        ? "for no exporter is configured"
                        : "or an exporter that is configured: \(desk.exporters.joined(separator: ", "))"))
        }
        guard !desk.ownTopics.contains(topic) else {
            throw AdminError(
                .badRequest, "invalid_target",
                "target is \"\(target)\"; the service itself writes to that topic, so a replay may not")
        }
        guard !topic.text.hasPrefix("__") else {
            throw AdminError(.badRequest, "invalid_target", "target is \"\(target)\"; such names are Kafka's own")
        }
        return topic
    }
}
