internal import HummingbirdCore
package import Ingestion
package import NIOHTTP1

/// What the head of a request that takes events says.
package final class EventsRequest {
    package let address: EventsAddress
    package private(set) var origin: String?
    package private(set) var contentLength: Int?
    /// Whether the client ends the connection with this request.
    package let isLast: Bool
    package private(set) var wantsReceipts = false
    private var userAgentField: String?
    package private(set) var xForwardedFor: String?
    package private(set) var forwarded: String?
    private var contentEncoding: String?
    private var writeKeyField: String?
    private var authorization: String?
    private var writeKeyParameter: String?

    private init(_ address: EventsAddress, isLast: Bool) {
        self.address = address
        self.isLast = isLast
    }

    /// Nil for a request that is none of these.
    package convenience init?(_ head: HTTPRequestHead) {
        guard head.method == .POST, let address = Self.address(at: head.uri) else { return nil }
        self.init(address, isLast: !head.isKeepAlive)
        if head.uri.utf8.contains(UInt8(ascii: "?")) { readParameters(head.uri) }
        for (name, value) in head.headers {
            // Few names have the length of one of these.
            switch name.utf8.count {
            case 6 where Self.isName(name, "origin"): Self.note(value, in: &origin)
            case 9 where Self.isName(name, "forwarded"): Self.note(value, in: &forwarded)
            case 10 where Self.isName(name, "user-agent"): Self.note(value, in: &userAgentField)
            case 15 where Self.isName(name, "x-forwarded-for"): Self.note(value, in: &xForwardedFor)
            case 11 where Self.isName(name, "x-write-key"): Self.note(value, in: &writeKeyField)
            case 13 where Self.isName(name, "authorization"): Self.note(value, in: &authorization)
            case 14 where Self.isName(name, "content-length"): contentLength = Int(value)
            case 16 where Self.isName(name, "content-encoding"): Self.note(value, in: &contentEncoding)
            default: break
            }
        }
    }

    private func readParameters(_ target: String) {
        let parameters = URI(target).queryParameters
        wantsReceipts = parameters["receipts"] == "true"
        writeKeyParameter = parameters["writeKey"].map(String.init)
    }

    package var endpoint: IngestEndpoint { address.endpoint }
    /// The user's `User-Agent`, not that of a library on a server.
    package var userAgent: String? { address.isOfUser ? userAgentField : nil }

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

    private static func address(at uri: String) -> EventsAddress? {
        if uri.utf8.first == UInt8(ascii: "/") { return EventsAddress(uri: uri) }
        // With a scheme and a host, as a proxy is asked.
        let path = URI(uri).path
        return path.utf8.first == UInt8(ascii: "/") ? EventsAddress(uri: path) : nil
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

// MARK: - Of a usual head (`UsualHead`), field by field

extension EventsRequest {
    enum Note {
        case noted
        /// Of the body.
        case length(Int)
        /// It may say something that this does not understand.
        case unusual
    }

    /// Of a request whose target is one of our addresses as it is written in the documentation, with parameters or without.
    convenience init?(usual target: UnsafeRawBufferPointer) {
        let path = target.firstIndex(of: UInt8(ascii: "?")).map { UnsafeRawBufferPointer(rebasing: target[..<$0]) } ?? target
        guard let address = EventsAddress(usual: path) else { return nil }
        self.init(address, isLast: false)
        if path.count < target.count { readParameters(String(decoding: target, as: UTF8.self)) }
    }

    func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Note {
        // Few names have the length of one of these.
        switch name.count {
        case 6 where name.isName("origin"): Self.note(Self.text(value), in: &origin)
        case 9 where name.isName("forwarded"): Self.note(Self.text(value), in: &forwarded)
        case 10 where name.isName("user-agent"): Self.note(Self.text(value), in: &userAgentField)
        case 15 where name.isName("x-forwarded-for"): Self.note(Self.text(value), in: &xForwardedFor)
        case 11 where name.isName("x-write-key"): Self.note(Self.text(value), in: &writeKeyField)
        case 13 where name.isName("authorization"): Self.note(Self.text(value), in: &authorization)
        case 14 where name.isName("content-length"):
            guard contentLength == nil, let length = Self.length(value) else { return .unusual }
            contentLength = length
            return .length(length)
        case 16 where name.isName("content-encoding"): Self.note(Self.text(value), in: &contentEncoding)
        case 10 where name.isName("connection"): return value.isName("keep-alive") ? .noted : .unusual
        case 6 where name.isName("expect"), 7 where name.isName("upgrade"), 16 where name.isName("proxy-connection"),
            17 where name.isName("transfer-encoding"):
            return .unusual
        default: break
        }
        return .noted
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    /// A number of at most nine digits, which is more than any body may have.
    private static func length(_ digits: UnsafeRawBufferPointer) -> Int? {
        guard (1...9).contains(digits.count) else { return nil }
        var length = 0
        for digit in digits {
            guard digit &- UInt8(ascii: "0") < 10 else { return nil }
            length = length &* 10 &+ Int(digit &- UInt8(ascii: "0"))
        }
        return length
    }
}

extension UnsafeRawBufferPointer {
    /// Whether it is this name, in whatever case; both of the same length. The bit that makes letters small is set in a hyphen and
    /// in digits anyway.
    fileprivate func isName(_ small: StaticString) -> Bool {
        guard count == small.utf8CodeUnitCount else { return false }
        for place in 0..<count where self[place] | 0x20 != small.utf8Start[place] { return false }
        return true
    }
}
