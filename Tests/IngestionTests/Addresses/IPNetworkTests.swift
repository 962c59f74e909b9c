import Ingestion
import Testing

@Suite struct IPNetworkTests {
    @Test(arguments: [
        (
            "10.0.0.0/8", "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            ["9.255.255.255", "11.0.0.0", "::a00:1"]
        ),
        ("192.0.2.1", "192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
        ("0.0.0.0/0", "0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
        ("::/0", "::/0", ["::", "2001:db8::1"], ["0.0.0.0", "192.0.2.1"]),
        ("2001:db8::/32", "2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
        ("::1", "::1/128", ["::1"], ["::", "::2", "0.0.0.1"]),
        ("fe80::/10", "fe80::/10", ["febf::1"], ["fec0::1"]),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8", ["10.9.9.9"], ["11.0.0.0"]),
        ("::ffff:10.0.0.1", "10.0.0.1/32", ["10.0.0.1"], ["10.0.0.2"]),
        ("192.0.2.128/25", "192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127"]),
    ])
    func networksContainWhatBeginsAsTheyDo(_ text: String, _ name: String, _ inside: [String], _ outside: [String]) throws {
        let network = try IPNetwork(text: text)
        #expect(network.description == name)
        for address in inside { #expect(network.contains(IPAddress(address)!), "\(address)") }
        for address in outside { #expect(!network.contains(IPAddress(address)!), "\(address)") }
    }

    @Test(arguments: [
        ("", "\"\" is no network: \"\" is no IPv4 or IPv6 address"),
        ("10.0.0.0/33", "\"10.0.0.0/33\" is no network: behind the slash stands a number from 0 to 32"),
        ("10.0.0.0/", "\"10.0.0.0/\" is no network: behind the slash stands a number from 0 to 32"),
        ("10.0.0.0/08", "\"10.0.0.0/08\" is no network: behind the slash stands a number from 0 to 32"),
        ("10.0.0.0/+8", "\"10.0.0.0/+8\" is no network: behind the slash stands a number from 0 to 32"),
        ("10.0.0.0/8/8", "\"10.0.0.0/8/8\" is no network: behind the slash stands a number from 0 to 32"),
        ("2001:db8::/129", "\"2001:db8::/129\" is no network: behind the slash stands a number from 0 to 128"),
        ("10.0.0/8", "\"10.0.0/8\" is no network: \"10.0.0\" is no IPv4 or IPv6 address"),
        ("10.1.2.3/8", "\"10.1.2.3/8\" is no network: the address has bits behind its first 8; 10.0.0.0/8 has not"),
        ("2001:db8::1/32", "\"2001:db8::1/32\" is no network: the address has bits behind its first 32; 2001:db8::/32 has not"),
        (
            "::ffff:10.0.0.0/95",
            "\"::ffff:10.0.0.0/95\" is no network: one of mapped IPv4 addresses has a prefix of 96 bits or more"
        ),
        ("loopbak", "\"loopbak\" is no network: write an address, a network such as 10.0.0.0/8, loopback or private"),
        ("Private", "\"Private\" is no network: write an address, a network such as 10.0.0.0/8, loopback or private"),
        ("proxy.example/8", "\"proxy.example/8\" is no network: \"proxy.example\" is no IPv4 or IPv6 address"),
    ])
    func errorsSayWhatIsWrong(_ text: String, _ message: String) {
        #expect { try IPNetworks(texts: ["loopback", text]) } throws: { error in
            #expect("\(error)" == message)
            return error is IPNetworkError
        }
    }

    @Test func wordsStandForTheirNetworks() throws {
        let loopback = try IPNetworks(texts: ["loopback"])
        let privateUse = try IPNetworks(texts: ["private"])
        for address in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"] {
            #expect(loopback.contains(IPAddress(address)!) && !privateUse.contains(IPAddress(address)!), "\(address)")
        }
        for address in [
            "10.0.0.1", "172.16.0.0", "172.31.255.255", "192.168.255.1", "169.254.169.254", "fc00::1", "fdff:ffff::1",
            "fe80::1%eth0",
        ] {
            #expect(privateUse.contains(IPAddress(address)!) && !loopback.contains(IPAddress(address)!), "\(address)")
        }
        for address in [
            "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.0.1", "169.253.0.0", "fe00::", "fec0::1",
            "::",
            "192.0.2.1", "2001:db8::1",
        ] {
            #expect(!privateUse.contains(IPAddress(address)!) && !loopback.contains(IPAddress(address)!), "\(address)")
        }
        let all = try IPNetworks(texts: ["192.0.2.1", "private", "loopback"])
        #expect(all.networks.count == 9 && all.contains(IPAddress("192.0.2.1")!) && all.contains(IPAddress("fd00::1")!))
        #expect(!IPNetworks().contains(IPAddress("127.0.0.1")!), "no list trusts nobody")
    }

    @Test func networksAreMadeOfWhatFits() {
        #expect(IPNetwork(IPAddress("10.0.0.0")!, prefixBits: 33) == nil)
        #expect(IPNetwork(IPAddress("10.0.0.0")!, prefixBits: -1) == nil)
        #expect(IPNetwork(IPAddress("10.0.0.1")!, prefixBits: 8) == nil)
        #expect(IPNetwork(IPAddress("::")!, prefixBits: 0)?.description == "::/0")
    }
}
