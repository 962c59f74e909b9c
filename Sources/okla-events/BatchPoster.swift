import AsyncHTTPClient
internal import CDeflate
internal import Foundation
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1

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
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    init(url: String, writeKey: String, attempts: Int) {
        self.url = url
        self.writeKey = writeKey
        self.attempts = attempts
    }

    func close() async throws { try await client.shutdown() }

    func post(_ batch: EventBatches.Batch) async -> Outcome {
        var outcome = Outcome(batch: batch)
        let body = Self.gzip(batch.body)
        var attempt = 0
        while attempt < attempts {
            let pause: Duration
            do {
                var request = HTTPClientRequest(url: url)
                request.method = .POST
                request.headers.add(name: "Content-Type", value: "application/json")
                request.headers.add(name: "Content-Encoding", value: "gzip")
                request.headers.add(name: "X-Write-Key", value: writeKey)
                request.body = .bytes(ByteBuffer(data: body))
                let response = try await client.execute(request, timeout: .seconds(30))
                let answer = try await response.body.collect(upTo: Self.answerBytesMax)
                switch response.status.code {
                case 202, 422:
                    outcome.read(Data(buffer: answer))
                    return outcome
                case 429:
                    // It comes to its turn, however many wait for theirs.
                    outcome.limited += 1
                    try? await Task.sleep(for: Self.retryAfter(response))
                    continue
                case 503:
                    outcome.failure = String(buffer: answer)
                    pause = Self.retryAfter(response)
                default:
                    outcome.failure =
                        "events \(batch.firstEvent) to \(batch.firstEvent + batch.count - 1): "
                        + "\(response.status): \(String(buffer: answer))"
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

    private static func retryAfter(_ response: HTTPClientResponse) -> Duration {
        .seconds(min(response.headers.first(name: "Retry-After").flatMap(Double.init) ?? 1, 30))
    }

    private static func gzip(_ data: Data) -> Data {
        guard let compressor = libdeflate_alloc_compressor(6) else { return data }
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_gzip_compress_bound(compressor, data.count)
        return data.withUnsafeBytes { input in
            var output = Data(count: bound)
            let count = output.withUnsafeMutableBytes {
                libdeflate_gzip_compress(compressor, input.baseAddress, input.count, $0.baseAddress, bound)
            }
            return output.prefix(count)
        }
    }
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
