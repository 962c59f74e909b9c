import Foundation
import Ingestion
import RecordFormat
import TestSupport
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("192.0.2.255", "192.0.2.255"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0:0:1:0:0:0:1:0", "0:0:1::1:0"), ("1:0:0:2:0:0:0:0", "1:0:0:2::"),
        ("fe80::1%eth0", "fe80::1"), ("fe80::1%15", "fe80::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"), ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1%lo", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"), ("::192.0.2.1", "::c000:201"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("abcd:ef01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
    ])
    func addressesAreReadAndWrittenInTheirOneSpelling(_ text: String, _ expected: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == expected)
        #expect(IPAddress(expected) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..2.3", "01.2.3.4", "1.2.3.00", "256.1.1.1",
        "1.2.3.1000", "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "0x7f.0.0.1", "1.2.3.4%eth0", "1.2.3.4/8",
        "1.2.3.4:80", ":", ":::", "::1::", "1:::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", ":1:2:3:4:5:6:7:8", ":1", "1:", "12345::", "g::", "::1 ", "::1.2.3", "::01.2.3.4", "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6::1.2.3.4.5", "1.2.3.4::", "[::1]", "::1%", "fe80::1%eth0 ",
        "fe80::1%0123456789abcdef",
        "fe80::1%é", "::ffff:1.2.3.4.5", "١.٢.٣.٤",
    ])
    func whatIsNotQuiteAnAddressIsNone(_ text: String) { #expect(IPAddress(text) == nil) }

    /// The same text, as glibc has it: network order, an IPv4 address as the mapped one.
    private static func reference(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes[..<4] }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }

    @Test func textsAreReadAsInetPtonReadsThem() {
        var random = SeededGenerator(seed: 21)
        var valid = 0
        for _ in 0..<200_000 {
            let text = RandomAddressText.make(&random)
            let expected = Self.reference(text).flatMap { bytes in bytes.withUnsafeBytes { IPAddress(networkBytes: $0) } }
            #expect(IPAddress(text) == expected, "\(text)")
            if expected != nil { valid += 1 }
        }
        #expect((20_000...180_000).contains(valid))
    }

    @Test func addressesAreWrittenAsInetNtopWritesThem() {
        var random = SeededGenerator(seed: 22)
        var target = GrowableBytes(capacity: IPAddress.textBytesMax)
        for _ in 0..<50_000 {
            var bytes = (0..<16).map { _ in random.next() % 3 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0 }
            // glibc writes `::/96` with IPv4's dots, which RFC 5952 wants of well-known prefixes only.
            if bytes[..<12].allSatisfy({ $0 == 0 }) { bytes[0] = 0x20 }
            var text = [CChar](repeating: 0, count: 64)
            inet_ntop(AF_INET6, bytes, &text, 64)
            target.removeAll()
            bytes.withUnsafeBytes { IPAddress(networkBytes: $0)! }.append(to: &target)
            #expect(
                String(decoding: target.bytes, as: UTF8.self)
                    == String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            #expect(target.count <= IPAddress.textBytesMax)
            #expect(target.capacity == 64, "an address took memory")
        }
    }

    @Test func socketsHaveFourOrSixteenBytes() {
        #expect([192, 0, 2, 1].withUnsafeBytes { IPAddress(networkBytes: $0) } == nil, "these are four words")
        #expect([UInt8]([192, 0, 2, 1]).withUnsafeBytes { IPAddress(networkBytes: $0) } == IPAddress("192.0.2.1"))
        #expect([UInt8]().withUnsafeBytes { IPAddress(networkBytes: $0) } == nil)
        #expect([UInt8](repeating: 0, count: 5).withUnsafeBytes { IPAddress(networkBytes: $0) } == nil)
        #expect(IPAddress(ipv4: 0xC000_0201).description == "192.0.2.1")
        #expect(IPAddress("::ffff:192.0.2.1")?.ipv4 == 0xC000_0201)
        #expect(IPAddress("::fffe:192.0.2.1")?.isIPv4 == false)
        #expect(IPAddress("::1:ffff:192.0.2.1")?.isIPv4 == false)
    }

    @Test(arguments: [
        ("192.0.2.255", "192.0.2.0", "192.0.2.255"), ("::ffff:192.0.2.7", "192.0.2.0", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::", "2001:db8:1:2::"), ("::1", "::", "::"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff::", "2001:db8:ffff:ffff::"),
    ])
    func anonymizedAndLimitedByTheirNetwork(_ text: String, _ anonymized: String, _ key: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.anonymized == IPAddress(anonymized))
        #expect(address.anonymized.anonymized == address.anonymized)
        #expect(address.limiterKey == IPAddress(key))
    }
}

/// Texts that are addresses, nearly addresses, and not at all.
enum RandomAddressText {
    static func make(_ random: inout SeededGenerator) -> String {
        var text = random.next() % 2 == 0 ? dotted(&random) : colons(&random)
        guard random.next() % 2 == 0 else { return text }
        let characters = Array("0123456789abcdefABCDEFg:.:. ")
        let place = text.index(text.startIndex, offsetBy: Int(random.next() % UInt64(text.count + 1)))
        if random.next() % 2 == 0 || place == text.endIndex {
            text.insert(characters[Int(random.next() % UInt64(characters.count))], at: place)
        } else {
            text.remove(at: place)
        }
        return text
    }

    private static func dotted(_ random: inout SeededGenerator) -> String {
        (0..<4).map { _ in String(random.next() % (random.next() % 20 == 0 ? 300 : 256)) }.joined(separator: ".")
    }

    private static func colons(_ random: inout SeededGenerator) -> String {
        let tail = random.next() % 3 == 0 ? [dotted(&random)] : []
        let count = (tail.isEmpty ? 8 : 6) - (random.next() % 16 == 0 ? 1 : 0)
        var groups = (0..<count).map { _ in
            String(random.next() % 2 == 0 ? 0 : random.next() & 0xFFFF, radix: 16, uppercase: random.next() % 2 == 0)
        }
        groups += tail
        guard random.next() % 2 == 0 else { return groups.joined(separator: ":") }
        let start = Int(random.next() % UInt64(count))
        let end = min(count, start + Int(random.next() % 5))
        return groups[..<start].joined(separator: ":") + "::" + groups[end...].joined(separator: ":")
    }
}
