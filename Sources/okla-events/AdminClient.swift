import ArgumentParser
internal import Foundation
internal import OutboundHTTP

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
    private let client = HTTPClient(.init(connectionsMax: 1))

    private init(_ location: AdminLocation) throws {
        token = try location.token()
        url = location.url.hasSuffix("/") ? String(location.url.dropLast()) : location.url
    }

    /// Calls `body` with a client, which is closed afterwards.
    static func use<Result>(_ location: AdminLocation, _ body: (AdminClient) async throws -> Result) async throws -> Result {
        let client = try AdminClient(location)
        defer { client.client.close() }
        return try await body(client)
    }

    /// Posts `body` and reads the answer. Says what went wrong and ends the command where it was refused.
    func post<Answer: Decodable>(_ path: String, _ body: some Encodable, timeout: Duration = .seconds(600)) async throws
        -> Answer
    {
        try decode(
            try await execute(
                .post, path, headers: [("Content-Type", "application/json")], Array(JSONEncoder().encode(body)), timeout),
            of: path)
    }

    /// The same with GET.
    func get<Answer: Decodable>(_ path: String, _ query: [(name: String, value: String?)] = []) async throws -> Answer {
        try decode(try await bytes(path, query), of: path)
    }

    /// The same with DELETE.
    func delete<Answer: Decodable>(_ path: String) async throws -> Answer {
        try decode(try await execute(.delete, path), of: path)
    }

    /// The answer's bytes.
    func bytes(_ path: String, _ query: [(name: String, value: String?)] = []) async throws -> Data {
        let asked = query.compactMap { name, value in value.map { "\(name)=\(Self.encoded($0))" } }
        return try await execute(.get, path + (asked.isEmpty ? "" : "?") + asked.joined(separator: "&"))
    }

    /// `text` as it may stand between two slashes of a path, or as a value of a query.
    static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private func execute(
        _ method: HTTPRequest.Method, _ path: String, headers: [(name: String, value: String)] = [], _ body: [UInt8] = [],
        _ timeout: Duration = .seconds(60)
    ) async throws -> Data {
        do {
            let answer = try await client.execute(
                HTTPRequest(
                    method, url + path, headers: headers + [("Authorization", "Bearer \(token)")], body: body, timeout: timeout,
                    answerBytesMax: Self.answerBytesMax))
            guard (200..<300).contains(answer.status) else {
                let error = try? JSONDecoder().decode(ErrorBody.self, from: Data(answer.body))
                throw Failure.report("\(url): status \(answer.status): \(TerminalText.escaped(error?.message ?? answer.text))")
            }
            return Data(answer.body)
        } catch let error as HTTPFailure {
            throw Failure.report("\(url): \(error): is the service running there?")
        }
    }

    private func decode<Answer: Decodable>(_ answer: Data, of path: String) throws -> Answer {
        do {
            return try JSONDecoder().decode(Answer.self, from: answer)
        } catch {
            throw Failure.report("\(url)\(path): the answer cannot be read: \(error)")
        }
    }

    private struct ErrorBody: Decodable {
        let message: String
    }
}
