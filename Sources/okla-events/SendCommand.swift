import ArgumentParser
internal import Foundation

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Posts events from a file to a running service.",
        discussion: """
            The file holds one event a line (NDJSON), or one JSON array of events; - reads standard input. Events without a
            messageId get one, so that a batch that has to be repeated is stored once. 503 and 429 answers and broken
            connections are tried again, with a pause that grows.

            Exit code 0: every event is stored (or was already). 1: some were rejected, or the service could not be reached.
            """)

    @Argument(help: ArgumentHelp("NDJSON or a JSON array; - for standard input.", valueName: "file"))
    var file: String

    @Option(help: "The service's address.")
    var url = "http://127.0.0.1:5050"

    @OptionGroup var writeKey: WriteKeyOption

    @Option(help: "Events in one request.")
    var batchSize = 100

    @Option(help: "Requests under way at once.")
    var connections = 4

    @Option(help: "How often a request is tried.")
    var attempts = 10

    func validate() throws {
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1") }
        if !(1...256).contains(connections) { throw ValidationError("--connections must be 1 to 256") }
        if attempts < 1 { throw ValidationError("--attempts must be at least 1") }
    }

    func run() async throws {
        let batches: EventBatches
        do {
            batches = try EventBatches(file: file, eventsMax: batchSize)
        } catch {
            throw Failure.report(error.message)
        }
        let key = try writeKey.key()
        let poster = BatchPoster(
            url: url.hasSuffix("/") ? "\(url)api/events/batch" : "\(url)/api/events/batch", writeKey: key,
            attempts: attempts, connections: connections)
        var summary = SendSummary()
        var bar = ProgressBar(label: "send", total: batches.eventCount, unit: "events")
        await withTaskGroup(of: BatchPoster.Outcome.self) { group in
            var next = batches.batches.makeIterator()
            for _ in 0..<connections {
                if let batch = next.next() { group.addTask { await poster.post(batch) } }
            }
            for await outcome in group {
                summary.add(outcome)
                bar.advance(by: outcome.batch.count)
                // A service that cannot be reached will not be reached by the next batch either.
                if outcome.failure == nil, let batch = next.next() { group.addTask { await poster.post(batch) } }
            }
        }
        bar.finish()
        summary.notSent = batches.eventCount - summary.answered
        summary.print(to: url)
        if !summary.isComplete { throw ExitCode.failure }
    }
}

struct SendSummary {
    private var accepted = 0
    private var duplicates = 0
    private var rejected = 0
    private var retries = 0
    private var limited = 0
    private var failures: [String] = []
    private var rejections: [String] = []
    private let started = ContinuousClock.now
    var notSent = 0

    var answered: Int { accepted + duplicates + rejected }
    var isComplete: Bool { rejected == 0 && notSent == 0 && failures.isEmpty }

    mutating func add(_ outcome: BatchPoster.Outcome) {
        accepted += outcome.accepted
        duplicates += outcome.duplicates
        rejected += outcome.rejected
        retries += outcome.retries
        limited += outcome.limited
        if let failure = outcome.failure { failures.append(failure) }
        rejections += outcome.rejections
    }

    func print(to url: String) {
        for rejection in rejections.prefix(10) { standardError("rejected: \(rejection)\n") }
        if rejections.count > 10 { standardError("... and \(rejections.count - 10) more\n") }
        for failure in failures.prefix(3) { standardError("failed: \(failure)\n") }
        if limited > 0 {
            standardError(
                "a rate limit made requests wait \(limited) times; a write key with \"PerIP\": 0 has no limit for each address\n")
        }
        let elapsed = ContinuousClock.now - started
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        Swift.print(
            "\(accepted) stored, \(duplicates) duplicates, \(rejected) rejected, \(notSent) not sent, \(retries) retries, "
                + "\(String(format: "%.1f", seconds)) s, to \(url)")
    }
}
