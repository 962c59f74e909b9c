internal import HummingbirdCore
package import Ingestion
package import NIOHTTP1

/// What the head of a request that takes events says.
package struct EventsRequest: Sendable {
    package let endpoint: IngestEndpoint
    package private(set) var origin: String?
    package private(set) var contentLength: Int?
    /// Whether the client ends the connection with this request.
    package let isLast: Bool
    package let wantsReceipts: Bool
    private var contentEncoding: String?
    private var writeKeyField: String?
    private var authorization: String?
    private let writeKeyParameter: String?

    /// Nil for a request that is none of these.
    package init?(_ head: HTTPRequestHead) {
        guard head.method == .POST, let endpoint = Self.endpoint(at: head.uri) else { return nil }
        self.endpoint = endpoint
        isLast = !head.isKeepAlive
        if head.uri.utf8.contains(UInt8(ascii: "?")) {
            let parameters = URI(head.uri).queryParameters
            wantsReceipts = parameters["receipts"] == "true"
            writeKeyParameter = parameters["writeKey"].map(String.init)
        } else {
            wantsReceipts = false
            writeKeyParameter = nil
        }
        for (name, value) in head.headers {
            // Few names have the length of one of these.
            switch name.utf8.count {
            case 6 where Self.isName(name, "origin"): Self.note(value, in: &origin)
            case 11 where Self.isName(name, "x-write-key"): Self.note(value, in: &writeKeyField)
            case 13 where Self.isName(name, "authorization"): Self.note(value, in: &authorization)
            case 14 where Self.isName(name, "content-length"): contentLength = Int(value)
            case 16 where Self.isName(name, "content-encoding"): Self.note(value, in: &contentEncoding)
            default: break
            }
        }
    }

    package var encoding: BodyEncoding {
        get throws(IngestError) {
            guard let encoding = BodyEncoding(header: contentEncoding) else {
                throw IngestError(.unsupportedEncoding, "Content-Encoding must be gzip, deflate or identity")
            }
            return encoding
        }
    }

    /// The write key where one of the three places outside the body has it.
    package var writeKey: String? {
        writeKeyField ?? authorization.flatMap(RequestCredentials.basicUser) ?? writeKeyParameter
    }

    /// The addresses are `/api/events` and those below it. As in the framework's routes, slashes count once.
    private static func endpoint(at uri: String) -> IngestEndpoint? {
        guard uri.utf8.first == UInt8(ascii: "/") else {
            // With a scheme and a host, as a proxy is asked.
            let path = URI(uri).path
            return path.utf8.first == UInt8(ascii: "/") ? endpoint(at: path) : nil
        }
        let path = uri.utf8.prefix { $0 != UInt8(ascii: "?") }
        var parts = path.split(separator: UInt8(ascii: "/")).makeIterator()
        guard parts.next()?.elementsEqual("api".utf8) == true, parts.next()?.elementsEqual("events".utf8) == true else {
            return nil
        }
        guard let name = parts.next() else { return .events }
        guard parts.next() == nil else { return nil }
        return IngestEndpoint.allCases.first { $0 != .events && name.elementsEqual($0.rawValue.utf8) }
    }

    /// Whether `name` is this one, in whatever case. The bit that makes letters small is set in a hyphen anyway.
    private static func isName(_ name: String, _ small: StaticString) -> Bool {
        small.withUTF8Buffer { small in name.utf8.lazy.map { $0 | 0x20 }.elementsEqual(small) }
    }

    /// Repeated fields are one, with a list.
    private static func note(_ value: String, in field: inout String?) {
        field = field.map { "\($0), \(value)" } ?? value
    }
}
