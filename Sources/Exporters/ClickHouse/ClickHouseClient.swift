internal import AsyncHTTPClient
internal import Foundation
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Speaks HTTP to one ClickHouse, on a thread of its own that yields to those who take events.
final class ClickHouseClient: Sendable {
    /// As `nice` has it.
    private static let niceness: Int32 = 15
    private static let answerBytesMax = 1 << 20
    private static let answerSeconds: Int64 = 60

    let address: ClickHouseAddress
    private let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let client: HTTPClient

    init(_ address: ClickHouseAddress) {
        self.address = address
        // Of this thread alone, on Linux.
        loops.next().execute { _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, Self.niceness) }
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        // Behind the answer's head the request's own deadline counts no more.
        configuration.timeout.read = .seconds(Self.answerSeconds)
        // Before the server does it: a request that it sees no more must be sent again.
        configuration.connectionPool.idleTimeout = .seconds(2)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroupProvider: .shared(loops), configuration: configuration)
    }

    func close() async {
        try? await client.shutdown()
        try? await loops.shutdownGracefully()
    }

    /// Has a statement executed; returns what it answers.
    func query(_ statement: String, _ parameters: [(name: String, value: String)] = []) async throws -> String {
        try await post(parameters, ByteBuffer(string: statement))
    }

    /// Inserts rows: `block` is the body as ClickHouse's own clients compress it.
    func insert(_ statement: String, _ parameters: [(name: String, value: String)], block: ByteBuffer) async throws {
        _ = try await post(
            [
                ("query", statement), ("decompress", "1"),
                // What comes over TCP, and goes into one block, needs none of its own.
                ("http_native_compression_disable_checksumming_on_decompress", "1"),
            ] + parameters, block)
    }

    private func post(_ parameters: [(name: String, value: String)], _ body: ByteBuffer) async throws -> String {
        var request = HTTPClientRequest(url: address.url(parameters))
        request.method = .POST
        request.headers.add(name: "X-ClickHouse-User", value: address.user)
        if !address.password.isEmpty { request.headers.add(name: "X-ClickHouse-Key", value: address.password) }
        request.headers.add(name: "User-Agent", value: "okla-events")
        request.body = .bytes(body)
        let status: UInt
        let answer: String
        do {
            let response = try await client.execute(request, timeout: .seconds(Self.answerSeconds))
            answer = String(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
            status = response.status.code
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw ClickHouseFailure("ClickHouse at \(address.shown) cannot be reached, or does not answer: \(error)")
        }
        guard status == 200 else { throw ClickHouseFailure(status: status, answer: answer, address: address.shown) }
        return answer
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
