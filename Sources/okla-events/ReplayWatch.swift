import ArgumentParser

/// A replay, as the service shows it.
struct ReplayState: Decodable {
    struct Count: Decodable {
        let event: String?
        let count: Int64
    }

    let id, state: String
    let target: String?
    let dryRun: Bool
    let createdAt: String
    let total, passed, read, matched, written, missed: Int64
    let events: [Count]
    let problem: String?

    static func path(_ id: String) -> String { "/api/admin/events/replay/\(AdminClient.encoded(id))" }

    var hasEnded: Bool { !["queued", "running"].contains(state) }
    var percent: Int64 { total == 0 ? 100 : passed * 100 / total }

    var counts: String {
        "\(read) read, \(matched) matched, " + (dryRun ? "nothing written, for it was a dry run" : "\(written) written")
            + (missed > 0 ? ", \(missed) missed: the log no longer has them" : "")
    }
}

/// Shows how far a replay is, until it has ended.
struct ReplayWatch {
    private static let interval = Duration.milliseconds(200)

    let client: AdminClient

    /// - Throws: `ExitCode.failure` where it was not done.
    func follow(_ first: ReplayState) async throws {
        var replay = first
        var bar = ProgressBar(label: "replay", total: Int(replay.total), unit: "offsets", done: Int(replay.passed))
        var shownProblem: String?
        while !replay.hasEnded {
            try await Task.sleep(for: Self.interval)
            let next: ReplayState = try await client.get(ReplayState.path(replay.id))
            if let problem = next.problem, problem != shownProblem, !next.hasEnded {
                bar.finish()
                standardError("it does not get on, and tries again: \(TerminalText.escaped(problem))\n")
                shownProblem = problem
            }
            bar.advance(by: Int(next.passed - replay.passed))
            replay = next
        }
        bar.finish()
        if replay.dryRun, replay.state == "done" {
            var table = TextTable(["EVENT", "COUNT"])
            for count in replay.events { table.add([TerminalText.escaped(count.event ?? "(others)"), "\(count.count)"]) }
            print(table.text)
        }
        print("\(replay.state): \(replay.counts)")
        if let problem = replay.problem { standardError("\(TerminalText.escaped(problem))\n") }
        if replay.state != "done" { throw ExitCode.failure }
    }
}
