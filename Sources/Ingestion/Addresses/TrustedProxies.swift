/// Who may say on whose behalf a request comes, and with that the client's address behind proxies.
///
/// A proxy adds the address it was called from to the right of `X-Forwarded-For`, or of `Forwarded` (RFC 7239). Whatever stands
/// left of that came with the request, from anybody. So the addresses are read from right to left, each one believed because of
/// the one before:
///
/// 1. A header is read only where the peer, whom the connection shows, is trusted.
/// 2. A hop that is trusted is stepped over; the first that is not is the client. Where all are trusted, it is the leftmost.
/// 3. A hop that is no address (`unknown`, an obfuscated name, garbage, nothing at all) ends the walk at the last good one.
/// 4. At most `hopsMax` hops of the last `headerBytesMax` bytes are read. The last one read is the client then.
///
/// With `Header.either`, for a service that was not told which header its proxies write, both headers are read. One that a proxy
/// does not write it most likely passes on as the client sent it, so neither of the two can win over the other: an attacker would
/// send the winner. They have to agree; where they do not, at least one is a lie, none is believed, and the client is the peer.
/// What an attacker gains is to be counted as the proxy, and never to be counted as somebody else. Where a service is told which
/// header it is, the other one is not looked at.
package struct TrustedProxies: Sendable, Equatable {
    package enum Header: Sendable { case either, xForwardedFor, forwarded }

    package static let hopsMax = 32
    package static let headerBytesMax = 4096

    package let networks: IPNetworks
    package let header: Header

    package init(networks: IPNetworks = IPNetworks(), header: Header = .either) {
        self.networks = networks
        self.header = header
    }

    /// The client's address. A header that came several times is one list, its values joined by ", " in order (RFC 9110, 5.3).
    package func clientAddress(
        peer: IPAddress, xForwardedFor: UnsafeRawBufferPointer?, forwarded: UnsafeRawBufferPointer?
    ) -> IPAddress {
        guard networks.contains(peer) else { return peer }
        let byXForwardedFor = header == .forwarded ? nil : xForwardedFor.map { walk(from: peer, $0, .xForwardedFor) }
        let byForwarded = header == .xForwardedFor ? nil : forwarded.map { walk(from: peer, $0, .forwarded) }
        guard let byXForwardedFor, let byForwarded else { return byXForwardedFor ?? byForwarded ?? peer }
        return byXForwardedFor == byForwarded ? byXForwardedFor : peer
    }

    package func clientAddress(peer: IPAddress, xForwardedFor: String?, forwarded: String?) -> IPAddress {
        guard xForwardedFor != nil || forwarded != nil, networks.contains(peer) else { return peer }
        return Self.withBytes(xForwardedFor) { xForwardedFor in
            Self.withBytes(forwarded) { forwarded in
                clientAddress(peer: peer, xForwardedFor: xForwardedFor, forwarded: forwarded)
            }
        }
    }

    private func walk(from peer: IPAddress, _ value: UnsafeRawBufferPointer, _ syntax: ForwardedHops.Syntax) -> IPAddress {
        var hops = ForwardedHops(value, syntax, byteCountMax: Self.headerBytesMax)
        var client = peer
        for _ in 0..<Self.hopsMax {
            guard networks.contains(client), let hop = hops.previous() else { break }
            client = hop
        }
        return client
    }

    private static func withBytes<Result>(_ text: String?, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        guard var text else { return body(nil) }
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
