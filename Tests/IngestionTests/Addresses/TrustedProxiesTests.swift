import Ingestion
import TestSupport
import Testing

/// The peer is the proxy 10.0.0.1 wherever nothing else is said; 10.0.0.0/8 and loopback are trusted.
@Suite struct TrustedProxiesTests {
    static let networks = try! IPNetworks(texts: ["10.0.0.0/8", "loopback", "2001:db8:10::/48"])

    private func client(
        peer: String = "10.0.0.1", xForwardedFor: String? = nil, forwarded: String? = nil,
        header: TrustedProxies.Header = .either
    ) -> String {
        TrustedProxies(networks: Self.networks, header: header)
            .clientAddress(peer: IPAddress(peer)!, xForwardedFor: xForwardedFor, forwarded: forwarded).description
    }

    @Test func headersOfAnUntrustedPeerAreNotRead() {
        #expect(client(peer: "192.0.2.9", xForwardedFor: "198.51.100.1", forwarded: "for=198.51.100.1") == "192.0.2.9")
        #expect(
            TrustedProxies().clientAddress(peer: IPAddress("127.0.0.1")!, xForwardedFor: "198.51.100.1", forwarded: nil)
                .description
                == "127.0.0.1")
    }

    @Test(arguments: [
        ("198.51.100.1", "198.51.100.1"),
        // Each proxy between is stepped over.
        ("198.51.100.1, 10.0.0.3, 10.0.0.2", "198.51.100.1"),
        ("198.51.100.1,10.0.0.3\t,\t127.0.0.1", "198.51.100.1"),
        // What stands left of the first untrusted address came from there, and may be anything.
        ("1.1.1.1, 198.51.100.1", "198.51.100.1"), ("127.0.0.1, 10.0.0.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("garbage, 198.51.100.1", "198.51.100.1"),
        // All are trusted: the leftmost.
        ("10.0.0.4, 10.0.0.3, 10.0.0.2", "10.0.0.4"),
        // No address: nothing is believed but what was before.
        ("198.51.100.1, unknown", "10.0.0.1"), ("198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"), ("unknown", "10.0.0.1"),
        ("198.51.100.1,", "10.0.0.1"), ("198.51.100.1, , 10.0.0.2", "10.0.0.2"), ("", "10.0.0.1"), (" ", "10.0.0.1"),
        (",,,,", "10.0.0.1"), ("198.51.100.1 198.51.100.2", "10.0.0.1"), ("\"198.51.100.1\"", "10.0.0.1"),
        ("198.51.100.1, 10.0.0.2 (proxy)", "10.0.0.1"), ("for=198.51.100.1", "10.0.0.1"), ("010.0.0.1", "10.0.0.1"),
        // Ports, and IPv6 with and without brackets.
        ("198.51.100.1:4711", "198.51.100.1"), ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443, 10.0.0.2:80", "2001:db8::7"), ("2001:db8::7, 2001:db8:10::1", "2001:db8::7"),
        ("::ffff:198.51.100.1, ::ffff:10.0.0.2", "198.51.100.1"), ("198.51.100.1:0", "198.51.100.1"),
        ("198.51.100.1:65535", "198.51.100.1"), ("198.51.100.1:65536", "10.0.0.1"), ("198.51.100.1:123456", "10.0.0.1"),
        ("198.51.100.1:x", "10.0.0.1"), ("[2001:db8::7", "10.0.0.1"), ("2001:db8::7]", "10.0.0.1"),
        ("[2001:db8::7]x", "10.0.0.1"),
        ("[198.51.100.1]", "10.0.0.1"), ("[]", "10.0.0.1"), ("[2001:db8::7]:", "10.0.0.1"), ("198.51.100.1:", "10.0.0.1"),
        (":80", "10.0.0.1"), ("[2001:db8::7]443", "10.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("198.51.100.1\0", "10.0.0.1"),
    ])
    func xForwardedForIsWalkedFromTheRight(_ value: String, _ expected: String) {
        #expect(client(xForwardedFor: value) == expected)
        #expect(client(xForwardedFor: value, header: .xForwardedFor) == expected)
        #expect(client(xForwardedFor: value, header: .forwarded) == "10.0.0.1", "not to be looked at")
    }

    @Test(arguments: [
        ("for=198.51.100.1", "198.51.100.1"), ("For=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ("proto=https; FOR=\"198.51.100.1:4711\" ;host=\"a,b;for=1.1.1.1\"", "198.51.100.1"),
        ("for=198.51.100.1, for=10.0.0.2", "198.51.100.1"), ("for=1.1.1.1, for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
        ("for=\"[2001:db8::7]:4711\"", "2001:db8::7"), ("for=\"[2001:db8::7]\"", "2001:db8::7"),
        ("for=[2001:db8::7]", "2001:db8::7"),
        ("for=\"198.51.100.1:_hidden-1.2\"", "198.51.100.1"), ("for=\"198.51.100.1:_\"", "10.0.0.1"),
        ("for=10.0.0.3,for=10.0.0.2", "10.0.0.3"), (";;for=198.51.100.1;", "198.51.100.1"),
        // No address, or not the syntax: nothing is believed but what was before.
        ("for=198.51.100.1, for=unknown", "10.0.0.1"), ("for=198.51.100.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("for=198.51.100.1, proto=https", "10.0.0.1"), ("198.51.100.1", "10.0.0.1"), ("for", "10.0.0.1"), ("for=", "10.0.0.1"),
        ("for=198.51.100.1;for=198.51.100.2", "10.0.0.1"), ("", "10.0.0.1"), ("for=198.51.100.1,", "10.0.0.1"),
        ("for=\"198.51.100.1", "10.0.0.1"), ("for=198.51.100.1\"", "10.0.0.1"), ("for=\"", "10.0.0.1"),
        ("for=\"[2001:db8::7\\]\"", "10.0.0.1"), ("for = 198.51.100.1", "10.0.0.1"), ("xfor=198.51.100.1", "10.0.0.1"),
        ("for=198.51.100.1;broken", "10.0.0.1"),
        // A quote that a client opens swallows nothing of what proxies add behind it.
        ("for=\"1.1.1.1, for=198.51.100.1", "198.51.100.1"), ("x=\"\\\", for=198.51.100.1", "198.51.100.1"),
        ("\"\"\", for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
        // A comma, a semicolon or an escaped quote within a quoted string separates nothing.
        ("for=198.51.100.1;host=\"a\\\", for=1.1.1.1\"", "198.51.100.1"),
        ("for=198.51.100.1;host=\"a;for=1.1.1.1\"", "198.51.100.1"),
        ("for=198.51.100.1;host=\"\\\\\"", "198.51.100.1"), ("for=1.1.1.1;host=\"\\\\\", for=198.51.100.1", "198.51.100.1"),
    ])
    func forwardedIsWalkedFromTheRight(_ value: String, _ expected: String) {
        #expect(client(forwarded: value) == expected)
        #expect(client(forwarded: value, header: .forwarded) == expected)
        #expect(client(forwarded: value, header: .xForwardedFor) == "10.0.0.1", "not to be looked at")
    }

    @Test func whereBothHeadersComeTheyHaveToAgree() {
        #expect(client(xForwardedFor: "198.51.100.1, 10.0.0.2", forwarded: "for=1.1.1.1, for=198.51.100.1") == "198.51.100.1")
        // The proxy writes one of them and passes the other one on as the client made it up. Which one, this service cannot know.
        #expect(client(xForwardedFor: "198.51.100.1", forwarded: "for=8.8.8.8") == "10.0.0.1")
        #expect(client(xForwardedFor: "8.8.8.8", forwarded: "for=198.51.100.1") == "10.0.0.1")
        #expect(client(xForwardedFor: "198.51.100.1", forwarded: "") == "10.0.0.1")
        #expect(client(xForwardedFor: "unknown", forwarded: "for=8.8.8.8") == "10.0.0.1")
        // Where it was told, what else comes does not matter.
        #expect(client(xForwardedFor: "198.51.100.1", forwarded: "for=8.8.8.8", header: .xForwardedFor) == "198.51.100.1")
        #expect(client(xForwardedFor: "8.8.8.8", forwarded: "for=198.51.100.1", header: .forwarded) == "198.51.100.1")
    }

    @Test func noMoreHopsAndBytesAreReadThanTheLimitsSay() {
        let proxies = (1...100).map { "10.0.1.\($0)" }
        let list = { (count: Int) in (["198.51.100.1"] + proxies[..<count]).joined(separator: ",") }
        #expect(client(xForwardedFor: list(TrustedProxies.hopsMax - 1)) == "198.51.100.1")
        #expect(client(xForwardedFor: list(TrustedProxies.hopsMax)) == "10.0.1.1", "the last one that is read")
        #expect(client(xForwardedFor: list(100)) == "10.0.1.\(100 - TrustedProxies.hopsMax + 1)")

        let bytesMax = TrustedProxies.headerBytesMax
        /// 29 bytes and the spaces; its first 8 are the first address and the comma.
        let padded = { (spaces: Int) in "1.1.1.1,198.51.100.1," + String(repeating: " ", count: spaces) + "10.0.0.2" }
        #expect(client(xForwardedFor: padded(bytesMax - 29)) == "198.51.100.1")
        #expect(client(xForwardedFor: padded(bytesMax - 22)) == "198.51.100.1", "all but seven bytes, the comma is there")
        // Without the comma it may be cut within an address: 98.51.100.1 may be what an attacker wants to be.
        #expect(client(xForwardedFor: padded(bytesMax - 21)) == "10.0.0.2")
        #expect(client(xForwardedFor: padded(bytesMax - 20)) == "10.0.0.2")
        #expect(client(xForwardedFor: padded(bytesMax)) == "10.0.0.1")
        #expect(
            client(forwarded: "for=198.51.100.1;host=\"" + String(repeating: "\\", count: 10 * bytesMax) + "\"") == "10.0.0.1")
    }

    /// Whatever a client sends before it, and whichever proxies it went through: the address that the first proxy saw is found.
    @Test func aClientCannotBeSomebodyElseWhateverItSends() {
        var random = SeededGenerator(seed: 23)
        let pieces = [
            "1.1.1.1", "10.0.0.8", "127.0.0.1", "for=1.1.1.1", "for=\"", "\"", "\\", "\\\"", ",", ", ", ";", "=", "for=", "[::1]",
            "unknown",
            "[", "]", ":80", " ", "_x", "%", "\u{0}", "é",
        ]
        for _ in 0..<20_000 {
            let sent = (0..<random.next() % 8).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
            let hops = ["198.51.100.1"] + (0..<random.next() % 3).map { "10.0.2.\($0)" }
            let forwarded = ([sent] + hops.map { "for=\"\($0):1\";proto=https" }).joined(separator: ", ")
            #expect(client(forwarded: forwarded) == "198.51.100.1", "\(forwarded)")
            let xForwardedFor = ([sent] + hops).joined(separator: ", ")
            #expect(client(xForwardedFor: xForwardedFor) == "198.51.100.1", "\(xForwardedFor)")
            #expect(
                ["198.51.100.1", "10.0.0.1"].contains(client(xForwardedFor: xForwardedFor, forwarded: sent)),
                "\(xForwardedFor), and Forwarded: \(sent)")
        }
    }
}
