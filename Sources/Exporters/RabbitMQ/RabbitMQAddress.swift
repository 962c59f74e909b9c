internal import Foundation

/// Where a RabbitMQ is, and who publishes there: `amqp[s]://[user:password@]host[:port][/vhost][?cacertfile=…&certfile=…&keyfile=…&heartbeat=…]`.
/// The parameters are called as in RabbitMQ's own specification of such URLs.
struct RabbitMQAddress: Sendable, Equatable {
    let host: String
    let port: Int
    let user: String
    let password: String
    let virtualHost: String
    /// nil: without TLS.
    let tls: TLS?
    /// Seconds.
    let heartbeat: Int

    struct TLS: Sendable, Equatable {
        /// Of those whose certificates are believed.
        let authorities: String
        /// The client's own certificate and its key; nil: it shows none.
        let certificate: (file: String, key: String)?

        static func == (a: TLS, b: TLS) -> Bool {
            a.authorities == b.authorities && a.certificate?.file == b.certificate?.file
                && a.certificate?.key == b.certificate?.key
        }
    }

    /// Debian's list of the authorities.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"
    private static let heartbeatSeconds = 10

    /// - Throws: `ExporterRefusal` that says what is wrong, and shows no password.
    init(_ url: String) throws(ExporterRefusal) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw ExporterRefusal("is no URL; it must be such as \"amqp://user:password@127.0.0.1:5672/vhost\"")
        }
        guard scheme == "amqp" || scheme == "amqps" else {
            throw ExporterRefusal("begins with \(scheme):; it must begin with amqp: or amqps:")
        }
        host = try parts.exporterHost()
        port = try parts.exporterPort(default: scheme == "amqps" ? 5671 : 5672)
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 } ?? "guest"
        password = parts.password ?? (parts.user == nil ? "guest" : "")
        let path = parts.percentEncodedPath.dropFirst()
        guard !path.contains("/") else {
            throw ExporterRefusal("has more than one part behind the host; a slash in a virtual host's name is written %2F")
        }
        virtualHost = path.isEmpty ? "/" : path.removingPercentEncoding ?? ""
        var parameters: [String: String] = [:]
        for item in parts.queryItems ?? [] {
            guard ["cacertfile", "certfile", "keyfile", "heartbeat"].contains(item.name), let value = item.value, !value.isEmpty,
                parameters.updateValue(value, forKey: item.name) == nil
            else {
                throw ExporterRefusal(
                    "has the parameter \(item.name); known are cacertfile, certfile, keyfile and heartbeat, each once")
            }
        }
        heartbeat = try Self.heartbeat(parameters["heartbeat"])
        tls = try Self.tls(parameters, isUsed: scheme == "amqps")
    }

    private static func heartbeat(_ text: String?) throws(ExporterRefusal) -> Int {
        guard let text else { return heartbeatSeconds }
        guard let seconds = Int(text), (1...3600).contains(seconds) else {
            throw ExporterRefusal("has the heartbeat \(text); it must be 1 to 3600 seconds")
        }
        return seconds
    }

    private static func tls(_ parameters: [String: String], isUsed: Bool) throws(ExporterRefusal) -> TLS? {
        guard isUsed else {
            if let name = ["cacertfile", "certfile", "keyfile"].first(where: { parameters[$0] != nil }) {
                throw ExporterRefusal("names a \(name), and begins with amqp:, which is without TLS; it must begin with amqps:")
            }
            return nil
        }
        let authorities = parameters["cacertfile"] ?? systemAuthorities
        for file in [authorities, parameters["certfile"], parameters["keyfile"]].compactMap(\.self)
        where !FileManager.default.isReadableFile(atPath: file) {
            throw ExporterRefusal("needs the file \(file), which cannot be read")
        }
        switch (parameters["certfile"], parameters["keyfile"]) {
        case (nil, nil): return TLS(authorities: authorities, certificate: nil)
        case (let file?, let key?): return TLS(authorities: authorities, certificate: (file, key))
        default: throw ExporterRefusal("names one of certfile and keyfile; they go together")
        }
    }

    /// Without the password.
    var shown: String { shownAddress(host, port) }
}
