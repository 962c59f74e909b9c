import Foundation
import Ingestion
import RecordFormat

/// Looks random addresses of a network up, one after the other on one thread: what `context.geo` costs a request, and how long it
/// takes to open a database. Prints one line of JSON.
///
///     geo-bench DATABASE LOOKUPS [NETWORK]
@main
struct GeoBench {
    static func main() {
        let arguments = CommandLine.arguments
        guard (3...4).contains(arguments.count), let lookups = Int(arguments[2]), lookups > 0 else {
            fail("usage: geo-bench DATABASE LOOKUPS [NETWORK]", code: 64)
        }
        do {
            let network = try IPNetwork(text: arguments.count == 4 ? arguments[3] : "0.0.0.0/0")
            let addresses = addresses(in: network)
            guard !addresses.isEmpty else { fail("\(network) is no network of IPv4", code: 64) }
            let opening = seconds()
            let database = try GeoDatabase(path: arguments[1])
            let opened = seconds()
            let (nanoseconds, known, bytes) = measure(database, addresses, lookups)
            print(
                """
                {"database":"\(database.databaseType)","bytes":\(database.byteCount),"open_ms":\(Int((opened - opening) * 1e3)),\
                "lookups":\(lookups),"known":\(known),"answer_bytes":\(bytes),"ns_per_lookup":\(nanoseconds)}
                """)
        } catch {
            fail("\(error)", code: 1)
        }
    }

    /// More of them than caches hold nodes for.
    private static let addressCount = 1 << 20

    private static func addresses(in network: IPNetwork) -> [IPAddress] {
        var random = SystemRandomNumberGenerator()
        return (0..<addressCount).compactMap { _ in network.address(UInt64.random(in: .min ... .max, using: &random)) }
    }

    private static func measure(
        _ database: GeoDatabase, _ addresses: [IPAddress], _ lookups: Int
    ) -> (nanoseconds: Int, known: Int, bytes: Int) {
        var target = GrowableBytes(capacity: 4096)
        var (known, bytes) = (0, 0)
        let started = seconds()
        for lookup in 0..<lookups {
            target.removeAll()
            if database.append(geoOf: addresses[lookup & (addressCount - 1)], to: &target) { known += 1 }
            bytes += target.count
        }
        return (Int((seconds() - started) * 1e9 / Double(lookups)), known, bytes)
    }

    private static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func fail(_ message: String, code: Int32) -> Never {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(code)
    }
}

extension IPNetwork {
    /// The address whose bits behind the prefix are the lowest of `number`; nil in a network of IPv6.
    fileprivate func address(_ number: UInt64) -> IPAddress? {
        base.ipv4.map { IPAddress(ipv4: $0 | UInt32(truncatingIfNeeded: number) & (.max >> prefixBits)) }
    }
}
