internal import EventLog
internal import KafkaBroker

/// The listener for Kafka's clients, as it is configured.
package struct KafkaSettings: Sendable {
    /// nil: there is none.
    package var listen: ListenAddress? = .init(host: "127.0.0.1", port: 9092)
    /// Nobody has said where to listen: where that address is taken, the service starts without.
    package var isDefault = true
    package var advertised: ListenAddress?
    package var users: [KafkaUser] = []
    package var certificateChain: String?
    package var privateKey: String?
    /// nil: on loopback.
    package var makesTopics: Bool?
    /// The service's own topics that clients may write to.
    package var writableTopics: [String] = []

    package init() {}

    init(_ sources: ConfigurationSources) throws {
        if let text = try sources.text("Kafka.Listen") {
            isDefault = false
            listen = text.isEmpty ? nil : try ListenAddress(text, key: "Kafka.Listen")
        }
        advertised = try sources.text("Kafka.Advertise").map { try ListenAddress($0, key: "Kafka.Advertise") }
        users = try sources.kafkaUsers("Kafka.Users")
        makesTopics = try sources.boolean("Kafka.AutoCreateTopics")
        writableTopics = try sources.texts("Kafka.WritableTopics") ?? []
        certificateChain = try sources.text("Kafka.TLS.CertificateFile")
        privateKey = try sources.text("Kafka.TLS.KeyFile")
        guard (certificateChain == nil) == (privateKey == nil) else {
            throw ConfigurationError("Kafka.TLS.CertificateFile and Kafka.TLS.KeyFile go together; one of them is missing")
        }
        if let listen, !listen.isLoopback, users.isEmpty {
            throw ConfigurationError(
                "Kafka.Listen is \(listen), which others can reach, and Kafka.Users is empty: name who may use it, or listen on 127.0.0.1"
            )
        }
    }

    /// What the listener is started with; nil: there is none.
    func broker(ownTopics: [TopicDefinition]) -> BrokerSettings? {
        guard let listen else { return nil }
        var broker = BrokerSettings()
        (broker.host, broker.port) = (listen.host, listen.port)
        broker.advertised = advertised.map { BrokerAddress(host: $0.host, port: $0.port) }
        broker.users = users.map(\.user)
        if let certificateChain, let privateKey {
            broker.tls = BrokerSettings.TLSFiles(certificateChain: certificateChain, privateKey: privateKey)
        }
        broker.makesTopics = makesTopics ?? listen.isLoopback
        broker.ownTopics = Set(ownTopics.map(\.name))
        broker.writableOwnTopics = Set(writableTopics.compactMap(TopicName.init))
        return broker
    }

    /// Whether clients may append batches to a topic of the service.
    func wholeBatches(_ topic: TopicName) -> TopicDefinition.Timestamps? {
        writableTopics.contains(topic.text) ? .appended : nil
    }
}

/// A host and a port.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`; an IPv6 address stands in brackets.
    init(_ text: String, key: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port)
        else {
            throw ConfigurationError(
                "\(key) is \"\(text)\"; it must be a host and a port, such as \"127.0.0.1:9092\" or \"[::1]:9092\"")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") || host.isEmpty {
            throw ConfigurationError("\(key) is \"\(text)\"; the host is missing, or is an IPv6 address without brackets")
        }
        self.init(host: String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether none but this machine can reach it.
    package var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil } && parts[0] == "127"
    }
}

/// Somebody who may use the listener.
package struct KafkaUser: Sendable, Equatable {
    package var name = ""
    package var password = ""
    package var reads: [String] = []
    package var writes: [String] = []
    package var manages: [String] = []

    var user: User {
        User(
            name: name, password: password, reads: reads.map { TopicPattern($0) }, writes: writes.map { TopicPattern($0) },
            manages: manages.map { TopicPattern($0) })
    }
}

extension ConfigurationSources {
    func kafkaUsers(_ path: String) throws -> [KafkaUser] {
        let elements: [ConfigurationValue]
        switch values[path] {
        case nil, .null: return []
        case .array(let found): elements = found
        case .some(let other): throw ConfigurationError("\(path) is \(other.kindName); it must be a list of users, in the file")
        }
        var users: [KafkaUser] = []
        for (number, element) in elements.enumerated() {
            let user = try kafkaUser(element, "\(path)[\(number)]")
            guard !users.contains(where: { $0.name == user.name }) else {
                throw ConfigurationError("\(path): the user \(user.name) stands twice")
            }
            users.append(user)
        }
        return users
    }

    private func kafkaUser(_ value: ConfigurationValue, _ path: String) throws -> KafkaUser {
        guard case .object(let members) = value else {
            throw ConfigurationError("\(path) is \(value.kindName); it must be an object")
        }
        var user = KafkaUser()
        for (name, member) in members {
            let here = "\(path).\(name)"
            switch name {
            case "Name": user.name = try kafkaText(member, here)
            case "Password": user.password = try kafkaText(member, here)
            case "Read": user.reads = try patterns(member, here)
            case "Write": user.writes = try patterns(member, here)
            case "Manage": user.manages = try patterns(member, here)
            default: throw ConfigurationError("unknown key \(here); a user has Name, Password, Read, Write, Manage")
            }
        }
        for (name, text) in [("Name", user.name), ("Password", user.password)] where text.isEmpty {
            throw ConfigurationError("\(path).\(name) is missing or empty")
        }
        return user
    }

    private func kafkaText(_ value: ConfigurationValue, _ path: String) throws -> String {
        switch value {
        case .text(let text), .environmentText(let text):
            guard !text.utf8.contains(0) else { throw ConfigurationError("\(path) holds a NUL") }
            return text
        default: throw ConfigurationError("\(path) is \(value.kindName); it must be text")
        }
    }

    /// Topics, or the beginnings of some with a `*` behind them.
    private func patterns(_ value: ConfigurationValue, _ path: String) throws -> [String] {
        guard case .array(let elements) = value else {
            throw ConfigurationError("\(path) is \(value.kindName); it must be a list of topics")
        }
        return try elements.map { element in
            let text = try kafkaText(element, path)
            guard let star = text.firstIndex(of: "*"), text.index(after: star) != text.endIndex else { return text }
            throw ConfigurationError("\(path) holds \"\(text)\"; a * stands at the end")
        }
    }
}
