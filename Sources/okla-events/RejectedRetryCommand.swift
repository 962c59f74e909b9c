import ArgumentParser

struct RejectedRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Puts rejected events through a running service again, after their schema was mended.",
        discussion: """
            Each is checked as it would be now, and stored with the time, the address and the write key that it came with. What was stored before, by
            an earlier retry or because its client sent it again, is not stored twice, however often this is run. What is rejected again stays
            where it is.

            The log itself says what is stored. What it can no longer say of an event, as retention has removed the records of its time, is
            undecided, and the event is left alone; --even-undecided puts it through, at the risk of storing it twice.

            Exit code 0: every one of them is stored. 1: some are still rejected or undecided, or the service could not be reached.
            """)

    @OptionGroup var location: AdminLocation

    @Option(help: "Only events of this name.")
    var event: String?

    @Option(help: "The first offset.")
    var from: Int64 = 0

    @Option(help: "The offset to stop before.")
    var to: Int64?

    @Flag(help: "Also those of which the log can no longer tell whether they are stored.")
    var evenUndecided = false

    func validate() throws {
        if from < 0 || (to ?? 0) < 0 { throw ValidationError("--from and --to are offsets, from 0 on") }
    }

    private struct Wanted: Encodable {
        let from: Int64
        let to: Int64?
        let event: String?
        let evenUndecided: Bool
    }

    private struct Outcome: Decodable {
        struct Rejection: Decodable {
            struct Violation: Decodable {
                let path, message: String
            }

            let offset: Int64
            let errors: [Violation]
        }

        let stored, alreadyStored, rejected, undecided: Int
        let rejections: [Rejection]
        let next, end: Int64
    }

    func run() async throws {
        try await AdminClient.use(location, retry)
    }

    private func retry(_ client: AdminClient) async throws {
        var (stored, alreadyStored, rejected, undecided) = (0, 0, 0, 0)
        var rejections: [Outcome.Rejection] = []
        var bar: ProgressBar?
        var next = from
        var end = to
        while true {
            // What is rejected meanwhile is not waited for: the end stays that of the first answer.
            let outcome: Outcome = try await client.post(
                "/api/admin/rejected/retry", Wanted(from: next, to: end, event: event, evenUndecided: evenUndecided))
            end = outcome.end
            stored += outcome.stored
            alreadyStored += outcome.alreadyStored
            rejected += outcome.rejected
            undecided += outcome.undecided
            rejections += outcome.rejections.prefix(10 - min(10, rejections.count))
            if bar == nil { bar = ProgressBar(label: "retry", total: Int(max(0, outcome.end - next)), unit: "records") }
            bar?.advance(by: Int(max(0, outcome.next - next)))
            next = outcome.next
            if outcome.next >= outcome.end { break }
        }
        bar?.finish()
        for rejection in rejections {
            let errors = rejection.errors.map { $0.path.isEmpty ? $0.message : "\($0.path) \($0.message)" }
            standardError("offset \(rejection.offset): \(TerminalText.escaped(errors.joined(separator: "; ")))\n")
        }
        if rejected > rejections.count { standardError("... and \(rejected - rejections.count) more\n") }
        let left = undecided > 0 ? ", \(undecided) undecided" : ""
        print("\(stored) stored, \(alreadyStored) stored before, \(rejected) still rejected\(left)")
        if undecided > 0 {
            standardError(
                "undecided: retention has removed the records that would tell; --even-undecided stores them, perhaps again\n")
        }
        if rejected + undecided > 0 { throw ExitCode.failure }
    }
}
