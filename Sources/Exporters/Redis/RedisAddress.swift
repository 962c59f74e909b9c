internal import Foundation

/// Where a Redis is, and who asks it: `redis://[[user]:password@]host[:port][/database]`.
struct RedisAddress: Sendable, Equatable {
    let host: String
    let port: Int
    /// nil: the default one.
    let user: String?
    let password: String?
    let database: Int

    private static let defaultPort = 6379

    /// - Throws: `ExporterRefusal` that says what is wrong, and shows no password.
    init(_ url: String) throws(ExporterRefusal) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw ExporterRefusal("is no URL; it must be such as \"redis://:password@127.0.0.1:6379/0\"")
        }
        guard scheme != "rediss" else {
            throw ExporterRefusal(
                "begins with rediss:, and the library that the service speaks to Redis with has no TLS; use redis:, through a tunnel "
                    + "(stunnel, a sidecar) where the network is not to be trusted")
        }
        guard scheme == "redis" else { throw ExporterRefusal("begins with \(scheme):; it must begin with redis:") }
        host = try parts.exporterHost()
        port = try parts.exporterPort(default: Self.defaultPort)
        guard parts.query == nil, parts.fragment == nil else {
            throw ExporterRefusal("has something behind the database's number; nothing may stand there")
        }
        let path = parts.path
        guard path.isEmpty || path == "/" || Int(path.dropFirst()).map({ $0 >= 0 && "/\($0)" == path }) == true else {
            throw ExporterRefusal("names the database \"\(path.dropFirst())\"; it must be a number, such as in redis://host/2")
        }
        database = Int(path.dropFirst()) ?? 0
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        password = parts.password.flatMap { $0.isEmpty ? nil : $0 }
        if user != nil, password == nil {
            throw ExporterRefusal(
                "names the user \(user ?? "") without a password; it must be such as redis://user:password@host")
        }
    }

    /// Without the password.
    var shown: String { shownAddress(host, port) }
}
