internal import Foundation
internal import OutboundHTTP

/// Speaks HTTP to one ClickHouse, on a thread of its own that yields to those who take events.
final class ClickHouseClient: Sendable {
    /// As `nice` has it.
    private static let niceness: Int32 = 15
    private static let answerBytesMax = 1 << 20
    /// A request may take as long.
    private static let answer = Duration.seconds(60)

    let address: ClickHouseAddress
    private let client = HTTPClient(.init(niceness: niceness, connectionsMax: 2))

    init(_ address: ClickHouseAddress) { self.address = address }

    func close() { client.close() }

    /// Has a statement executed; returns what it answers.
    func query(_ statement: String, _ parameters: [(name: String, value: String)] = []) async throws -> String {
        try await post(parameters, Array(statement.utf8))
    }

    /// Inserts rows: `block` is the body as ClickHouse's own clients compress it.
    func insert(_ statement: String, _ parameters: [(name: String, value: String)], block: [UInt8]) async throws {
        _ = try await post(
            [
                ("query", statement), ("decompress", "1"),
                // What comes over TCP, and goes into one block, needs none of its own.
                ("http_native_compression_disable_checksumming_on_decompress", "1"),
            ] + parameters, block)
    }

    private func post(_ parameters: [(name: String, value: String)], _ body: [UInt8]) async throws -> String {
        var headers = [(name: "X-ClickHouse-User", value: address.user)]
        if !address.password.isEmpty { headers.append(("X-ClickHouse-Key", address.password)) }
        let answer: HTTPAnswer
        do {
            answer = try await client.execute(
                HTTPRequest(
                    .post, address.url(parameters), headers: headers, body: body, timeout: Self.answer,
                    answerBytesMax: Self.answerBytesMax))
        } catch let failure as HTTPFailure {
            throw ClickHouseFailure("ClickHouse at \(address.shown) cannot be reached, or does not answer: \(failure)")
        }
        guard answer.status == 200 else {
            throw ClickHouseFailure(status: answer.status, answer: answer.text, address: address.shown)
        }
        return answer.text
    }
}

/// Where a ClickHouse is, and who asks it.
struct ClickHouseAddress: Sendable, Equatable {
    let host: String
    let port: Int
    let isTLS: Bool
    let user: String
    let password: String

    var shown: String { shownAddress(host, port) }

    func url(_ parameters: [(name: String, value: String)]) -> String {
        let query = parameters.map { "\($0.name)=\(Self.encoded($0.value))" }.joined(separator: "&")
        return "\(isTLS ? "https" : "http")://\(shown)/?\(query)"
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    private static func encoded(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "" }
}
