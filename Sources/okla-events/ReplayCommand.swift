import ArgumentParser
internal import Foundation

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Reads a running service's log again, into a topic of its own.",
        discussion: """
            The service does the work, and goes on with it after a restart; this shows how far it is. Two replays run at once, others
            wait for their turn.

              okla-events replay --from earliest --target topic:copy --dry-run
              okla-events replay --from 2026-01-21T00:00:00Z --to 2026-01-22T00:00:00Z --event lead_form_submit --target topic:leads
              okla-events replay --from 0:1200,3:900 --user user-123 --target topic:check --events-per-second 500
              okla-events replay --from earliest --event search --target rabbitmq
            """,
        subcommands: [ReplayStartCommand.self, ReplayWatchCommand.self, ReplayListCommand.self, ReplayCancelCommand.self],
        defaultSubcommand: ReplayStartCommand.self)
}

struct ReplayStartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Begins a replay and shows how far it is.")

    @OptionGroup var location: AdminLocation

    @Option(help: "earliest, a time such as 2026-01-21T10:30:45Z, or offsets by partition such as 0:1200,3:900.")
    var from: ReplayPlace

    @Option(help: "latest, a time, or offsets by partition, none of which is read any more.")
    var to: ReplayPlace?

    @Option(help: "Only events of this name. May be given several times.")
    var event: [String] = []

    @Option(help: "Only events that name this user.")
    var user: String?

    @Option(help: "Where to, such as topic:copy, which is made where it is missing.")
    var target: String?

    @Option(help: "At most so many events a second; 0: no limit.")
    var eventsPerSecond = 0

    @Flag(help: "Only count.")
    var dryRun = false

    @Flag(help: "Do not wait for its end.")
    var detach = false

    func validate() throws {
        if target == nil && !dryRun { throw ValidationError("give --target, such as topic:copy, or --dry-run") }
        if eventsPerSecond < 0 { throw ValidationError("--events-per-second must be 0 or more") }
    }

    private struct Wanted: Encodable {
        struct Filter: Encodable {
            let events: [String]
            let userId: String?
        }

        let from: ReplayPlace
        let to: ReplayPlace?
        let filter: Filter
        let target: String?
        let eventsPerSecond: Int
        let dryRun: Bool
    }

    func run() async throws {
        try await AdminClient.use(location) { client in
            let replay: ReplayState = try await client.post(
                "/api/admin/events/replay",
                Wanted(
                    from: from, to: to, filter: .init(events: event, userId: user), target: target,
                    eventsPerSecond: eventsPerSecond,
                    dryRun: dryRun))
            if detach { return print(replay.id) }
            standardError(
                "replay \(replay.id); it goes on without this command, okla-events replay cancel \(replay.id) ends it\n")
            try await ReplayWatch(client: client).follow(replay)
        }
    }
}

struct ReplayWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows how far a replay is, until it has ended.")

    @OptionGroup var location: AdminLocation
    @Argument var id: String

    func run() async throws {
        try await AdminClient.use(location) { client in
            try await ReplayWatch(client: client).follow(try await client.get(ReplayState.path(id)))
        }
    }
}

struct ReplayListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists replays, the newest first.")

    @OptionGroup var location: AdminLocation

    private struct Answer: Decodable {
        let replays: [ReplayState]
    }

    func run() async throws {
        let answer: Answer = try await AdminClient.use(location) { try await $0.get("/api/admin/events/replay") }
        var table = TextTable(["REPLAY", "STATE", "TARGET", "CREATED", "PASSED", "READ", "MATCHED", "WRITTEN"])
        for replay in answer.replays {
            table.add([
                replay.id, replay.state, replay.dryRun ? "(dry run)" : TerminalText.escaped(replay.target ?? ""),
                replay.createdAt,
                "\(replay.percent) %", "\(replay.read)", "\(replay.matched)", "\(replay.written)",
            ])
        }
        print(table.text)
    }
}

struct ReplayCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Ends a replay. What it has written stays.")

    @OptionGroup var location: AdminLocation
    @Argument var id: String

    func run() async throws {
        let replay: ReplayState = try await AdminClient.use(location) { try await $0.delete(ReplayState.path(id)) }
        print("\(replay.state): \(replay.counts)")
    }
}

/// Where a replay begins or ends, as it is written on the command line.
enum ReplayPlace: ExpressibleByArgument, Encodable {
    case named(String)
    case time(String)
    case offsets([String: Int64])

    init?(argument: String) {
        if argument == "earliest" || argument == "latest" {
            self = .named(argument)
            return
        }
        var offsets: [String: Int64] = [:]
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = part.split(separator: ":", omittingEmptySubsequences: false)
            guard numbers.count == 2, let partition = Int(numbers[0]), let offset = Int64(numbers[1]),
                offsets.updateValue(offset, forKey: "\(partition)") == nil
            else {
                // The service knows what a time is.
                self = .time(argument)
                return
            }
        }
        self = .offsets(offsets)
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .named(let name): try name.encode(to: encoder)
        case .time(let time): try ["timestamp": time].encode(to: encoder)
        case .offsets(let offsets): try ["offsets": offsets].encode(to: encoder)
        }
    }
}
