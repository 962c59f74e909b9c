/// An IPv4 or IPv6 address.
///
/// An IPv4 address is kept as the IPv6 address that stands for it, `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2). So the two spellings of
/// one client, which a listener on both families sees side by side, are one value, and a network is one mask over 128 bits.
package struct IPAddress: Sendable, Hashable {
    /// In host order: the text's first group is the highest.
    let bits: UInt128

    init(bits: UInt128) { self.bits = bits }

    /// - Parameter ipv4: in host order, `a` of `a.b.c.d` highest.
    package init(ipv4: UInt32) { bits = Self.mappedPrefix | UInt128(ipv4) }

    /// What a socket has: 4 or 16 bytes in network order. Nil for any other number of bytes.
    package init?(networkBytes: UnsafeRawBufferPointer) {
        switch networkBytes.count {
        case 4: self.init(ipv4: UInt32(bigEndian: networkBytes.loadUnaligned(as: UInt32.self)))
        case 16: self.init(bits: UInt128(bigEndian: networkBytes.loadUnaligned(as: UInt128.self)))
        default: return nil
        }
    }

    package var isIPv4: Bool { bits >> 32 == Self.mappedPrefix >> 32 }

    /// The IPv4 address in host order; nil for an IPv6 address.
    package var ipv4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: bits) : nil }

    /// The address of a neighbourhood and of nobody in it: IPv4 without its last octet, IPv6 without its last 80 bits (what is
    /// left is the /48 that one site has).
    package var anonymized: IPAddress { isIPv4 ? masked(zeroBits: 8) : masked(zeroBits: 80) }

    /// What a limit on one client counts by. An IPv6 host may take any address of its /64, so that is one client.
    package var limiterKey: IPAddress { isIPv4 ? self : masked(zeroBits: 64) }

    /// The address with its last `zeroBits` bits zero.
    func masked(zeroBits: Int) -> IPAddress {
        precondition((0...128).contains(zeroBits))
        return IPAddress(bits: bits & (.max << zeroBits))
    }

    private static let mappedPrefix: UInt128 = 0xFFFF_0000_0000
}
