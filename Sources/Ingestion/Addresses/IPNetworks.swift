/// A list of networks, as a configuration has it.
package struct IPNetworks: Sendable, Equatable {
    package let networks: [IPNetwork]

    package init(_ networks: [IPNetwork] = []) { self.networks = networks }

    /// Reads each text as a network, an address, or a word for several networks: `loopback`, `private`.
    package init(texts: [String]) throws(IPNetworkError) {
        var networks: [IPNetwork] = []
        for text in texts {
            switch text {
            case "loopback": networks += Self.loopback
            case "private": networks += Self.privateUse
            default: networks.append(try Self.network(text))
            }
        }
        self.init(networks)
    }

    package func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    private static func network(_ text: String) throws(IPNetworkError) -> IPNetwork {
        do {
            return try IPNetwork(text: text)
        } catch {
            // A word that nobody knows is more likely a misspelt one than an address.
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) }), !text.contains("/") else {
                throw error
            }
            throw IPNetworkError("\"\(text)\" is no network: write an address, a network such as 10.0.0.0/8, loopback or private")
        }
    }

    /// This host (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
    private static let loopback = known([("127.0.0.0", 8), ("::1", 128)])

    /// What is not routed in the internet: RFC 1918, RFC 4193 (fc00::/7), and the link-local addresses of RFC 3927 and RFC 4291.
    private static let privateUse = known([
        ("10.0.0.0", 8), ("172.16.0.0", 12), ("192.168.0.0", 16), ("169.254.0.0", 16), ("fc00::", 7), ("fe80::", 10),
    ])

    private static func known(_ networks: [(base: String, prefixBits: Int)]) -> [IPNetwork] {
        networks.map { network in
            guard let base = IPAddress(network.base), let known = IPNetwork(base, prefixBits: network.prefixBits) else {
                preconditionFailure("\(network.base)/\(network.prefixBits) is no network")
            }
            return known
        }
    }
}
