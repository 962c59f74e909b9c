internal import Foundation
internal import OutboundHTTP
internal import RecordFormat

/// Posts one batch, again and again where that makes sense.
struct BatchPoster: Sendable {
    struct Outcome: Sendable {
        let batch: EventBatches.Batch
        var accepted = 0
        var duplicates = 0
        var rejected = 0
        var retries = 0
        /// How often a rate limit made it wait.
        var limited = 0
        /// What each rejected event is rejected for.
        var rejections: [String] = []
        /// Why it was given up.
        var failure: String?
    }

    private static let answerBytesMax = 16 << 20

    private let url: String
    private let writeKey: String
    private let attempts: Int
    private let client: HTTPClient

    /// - Parameter connections: requests under way at once.
    init(url: String, writeKey: String, attempts: Int, connections: Int) {
        client = HTTPClient(.init(connectionsMax: connections))
        self.url = url
        self.writeKey = writeKey
        self.attempts = attempts
    }

    func post(_ batch: EventBatches.Batch) async -> Outcome {
        var outcome = Outcome(batch: batch)
        let request = HTTPRequest(
            .post, url,
            headers: [("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("X-Write-Key", writeKey)],
            body: Gzip.compress(Array(batch.body)), timeout: .seconds(30), answerBytesMax: Self.answerBytesMax)
        var attempt = 0
        while attempt < attempts {
            let pause: Duration
            do {
                let answer = try await client.execute(request)
                switch answer.status {
                case 202, 422:
                    outcome.read(Data(answer.body))
                    return outcome
                case 429:
                    // It comes to its turn, however many wait for theirs.
                    outcome.limited += 1
                    try? await Task.sleep(for: Self.retryAfter(answer))
                    continue
                case 503:
                    outcome.failure = answer.text
                    pause = Self.retryAfter(answer)
                default:
                    outcome.failure =
                        "events \(batch.firstEvent) to \(batch.firstEvent + batch.count - 1): "
                        + "status \(answer.status): \(answer.text)"
                    return outcome
                }
            } catch {
                outcome.failure = "\(url): \(error)"
                pause = .milliseconds(100)
            }
            attempt += 1
            if attempt == attempts { break }
            outcome.retries += 1
            // Grows to 5 s, and differs between the connections.
            let growth = Double(min(attempt - 1, 6)) * Double.random(in: 0.5...1)
            try? await Task.sleep(for: min(.seconds(5), pause * pow(2, growth)))
        }
        return outcome
    }

    private static func retryAfter(_ answer: HTTPAnswer) -> Duration { min(answer.retryAfter ?? .seconds(1), .seconds(30)) }
}

extension BatchPoster.Outcome {
    private struct Answer: Decodable {
        struct Result: Decodable {
            struct Violation: Decodable {
                let path: String
                let message: String
            }

            let index: Int
            let status: String
            let errors: [Violation]?
        }

        let accepted: Int
        let duplicates: Int
        let rejected: Int
        let results: [Result]
    }

    fileprivate mutating func read(_ data: Data) {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: data) else {
            failure = "the service's answer cannot be read: \(String(decoding: data.prefix(200), as: UTF8.self))"
            return
        }
        failure = nil
        accepted = answer.accepted
        duplicates = answer.duplicates
        rejected = answer.rejected
        for result in answer.results where result.status == "rejected" {
            let errors = (result.errors ?? []).map { $0.path.isEmpty ? $0.message : "\($0.path) \($0.message)" }
            rejections.append("event \(batch.firstEvent + result.index): \(errors.joined(separator: "; "))")
        }
    }
}
