import ArgumentParser
import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1

/// Where a running service is, and the right to administer it.
struct AdminLocation: ParsableArguments {
    @Option(help: "The service's address.")
    var url = "http://127.0.0.1:5050"

    @Option(help: "The admin token; without it ADMIN_TOKEN, or the token in DATA-DIR/credentials.json.")
    var adminToken: String?

    @Option(help: ArgumentHelp("Where to look for the service's own token.", valueName: "dir"))
    var dataDir = "./data"

    fileprivate func token() throws -> String {
        let credentials = StoredCredentials(dataDirectory: dataDir)
        if let token = adminToken ?? ProcessInfo.processInfo.environment["ADMIN_TOKEN"] ?? credentials.adminToken { return token }
        throw Failure.report(
            "no admin token: give --admin-token, set ADMIN_TOKEN, or name the service's --data-dir (\(credentials.path) cannot be read)"
        )
    }
}

/// Asks a running service's admin API.
struct AdminClient {
    private static let answerBytesMax = 16 << 20

    private let url: String
    private let token: String
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    init(_ location: AdminLocation) throws {
        token = try location.token()
        url = location.url.hasSuffix("/") ? String(location.url.dropLast()) : location.url
    }

    func close() async throws { try await client.shutdown() }

    /// Posts `body` and reads the answer. Says what went wrong and ends the command where that is not 200.
    func post<Answer: Decodable>(_ path: String, _ body: some Encodable, timeout: TimeAmount = .minutes(10)) async throws
        -> Answer
    {
        do {
            var request = HTTPClientRequest(url: url + path)
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.headers.add(name: "Authorization", value: "Bearer \(token)")
            request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(body)))
            let response = try await client.execute(request, timeout: timeout)
            let answer = try await response.body.collect(upTo: Self.answerBytesMax)
            guard response.status.code == 200 else {
                let error = try? JSONDecoder().decode(ErrorBody.self, from: Data(buffer: answer))
                throw Failure.report(
                    "\(url): \(response.status): \(TerminalText.escaped(error?.message ?? String(buffer: answer)))")
            }
            return try JSONDecoder().decode(Answer.self, from: Data(buffer: answer))
        } catch let error as ExitCode {
            throw error
        } catch let error as DecodingError {
            throw Failure.report("\(url)\(path): the answer cannot be read: \(error)")
        } catch {
            throw Failure.report("\(url): \(error): is the service running there?")
        }
    }

    private struct ErrorBody: Decodable {
        let message: String
    }
}
