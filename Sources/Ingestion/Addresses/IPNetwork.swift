/// The addresses that begin with the same bits.
package struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    package let base: IPAddress
    /// How many leading bits all of its addresses share: of 32 for IPv4, of 128 for IPv6.
    package let prefixBits: Int
    private let mask: UInt128

    /// Nil where `prefixBits` is more than the address has, or where `base` has bits behind the prefix.
    package init?(_ base: IPAddress, prefixBits: Int) {
        let bits = Self.addressBits(of: base)
        guard (0...bits).contains(prefixBits), base == base.masked(zeroBits: bits - prefixBits) else { return nil }
        self.init(checked: base, prefixBits: prefixBits)
    }

    private init(checked base: IPAddress, prefixBits: Int) {
        self.base = base
        self.prefixBits = prefixBits
        mask = .max << (Self.addressBits(of: base) - prefixBits)
    }

    /// Never contains an address of the other family: `::/0` is all of IPv6 and nothing of IPv4.
    package func contains(_ address: IPAddress) -> Bool {
        (address.bits ^ base.bits) & mask == 0 && address.isIPv4 == base.isIPv4
    }

    package var description: String { "\(base)/\(prefixBits)" }

    private static func addressBits(of address: IPAddress) -> Int { address.isIPv4 ? 32 : 128 }
}

extension IPNetwork {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address, which is a network of its own.
    package init(text: String) throws(IPNetworkError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = IPAddress(String(parts[0])) else {
            throw IPNetworkError("\"\(text)\" is no network: \"\(parts[0])\" is no IPv4 or IPv6 address")
        }
        let addressBits = Self.addressBits(of: base)
        guard parts.count == 2 else {
            self.init(checked: base, prefixBits: addressBits)
            return
        }
        // `::ffff:10.0.0.0/104` is 10.0.0.0/8 in IPv6's spelling.
        let spelledBits = parts[0].contains(":") ? 128 : 32
        guard let written = Self.number(parts[1]), written <= spelledBits else {
            throw IPNetworkError("\"\(text)\" is no network: behind the slash stands a number from 0 to \(spelledBits)")
        }
        let prefixBits = written - (spelledBits - addressBits)
        guard prefixBits >= 0 else {
            throw IPNetworkError("\"\(text)\" is no network: one of mapped IPv4 addresses has a prefix of 96 bits or more")
        }
        guard let network = IPNetwork(base, prefixBits: prefixBits) else {
            let meant = base.masked(zeroBits: addressBits - prefixBits)
            throw IPNetworkError(
                "\"\(text)\" is no network: the address has bits behind its first \(written); \(meant)/\(prefixBits) has not")
        }
        self = network
    }

    /// Up to three digits without leading zeros.
    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0") else { return nil }
        return Int(text)
    }
}

/// What is wrong with a network, or with a list of them, in a configuration.
package struct IPNetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
