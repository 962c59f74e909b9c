internal import Foundation

extension URLComponents {
    /// The host, an IPv6 address without its brackets.
    func exporterHost() throws(ExporterRefusal) -> String {
        guard let host, !host.isEmpty else { throw ExporterRefusal("names no host") }
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    func exporterPort(default usual: Int) throws(ExporterRefusal) -> Int {
        let port = port ?? usual
        guard (1...65535).contains(port) else { throw ExporterRefusal("names port \(port); it must be 1 to 65535") }
        return port
    }
}

/// A server as messages name it.
func shownAddress(_ host: String, _ port: Int) -> String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
