internal import Ingestion

/// The head of a request that takes events, in the form that almost all clients send. It is read in one pass, without the
/// decoder, which costs more than preparing the event that such a request brings.
///
/// The form is narrow on purpose: whatever is here is read alike by everyone (RFC 9112), so it cannot hide a request from this
/// service or from a proxy before it. `POST`, one of our addresses as it is written in the documentation, HTTP/1.1; names of
/// letters, digits and hyphens; values of visible ASCII, with spaces only within; lines that end with CR LF; one
/// `Content-Length` of digits; nothing that says how a connection or a body goes on. Any other head is no error: it is the
/// decoder's.
struct UsualHead {
    let request: EventsRequest
    /// Of the head, with the empty line.
    let byteCount: Int
    /// Of the body.
    let contentLength: Int

    /// Nil where `bytes` do not begin with all of a usual head.
    init?(_ bytes: UnsafeRawBufferPointer, fieldsMax: Int) {
        guard let (target, fieldsStart) = Self.target(bytes), let request = EventsRequest(usual: target) else { return nil }
        var place = fieldsStart
        var fieldCount = 0
        var contentLength: Int?
        while true {
            guard place + 1 < bytes.count else { return nil }
            if bytes[place] == UInt8(ascii: "\r") {
                guard bytes[place + 1] == UInt8(ascii: "\n"), let length = contentLength else { return nil }
                self.request = request
                byteCount = place + 2
                self.contentLength = length
                return
            }
            fieldCount += 1
            guard fieldCount <= fieldsMax, let field = Field(bytes, at: place) else { return nil }
            place = field.end
            switch request.note(field.name, field.value) {
            case .length(let length):
                guard contentLength == nil else { return nil }
                contentLength = length
            case .noted: break
            case .unusual: return nil
            }
        }
    }

    /// The request's target, and where the line behind it begins.
    private static func target(_ bytes: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, Int)? {
        let (before, behind): (StaticString, StaticString) = ("POST /api/events", " HTTP/1.1\r\n")
        guard bytes.begins(with: before) else { return nil }
        let start = 5
        var end = before.utf8CodeUnitCount
        while end < bytes.count, isTargetByte(bytes[end]) { end += 1 }
        guard UnsafeRawBufferPointer(rebasing: bytes[end...]).begins(with: behind) else { return nil }
        return (UnsafeRawBufferPointer(rebasing: bytes[start..<end]), end + behind.utf8CodeUnitCount)
    }

    /// Letters, digits, and what stands in our addresses and their parameters.
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "&"), UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    /// One line: `Name: value`.
    private struct Field {
        let name, value: UnsafeRawBufferPointer
        /// Where the next line begins.
        let end: Int

        init?(_ bytes: UnsafeRawBufferPointer, at start: Int) {
            var place = start
            while place < bytes.count, Self.isNameByte(bytes[place]) { place += 1 }
            guard place > start, place < bytes.count, bytes[place] == UInt8(ascii: ":") else { return nil }
            name = UnsafeRawBufferPointer(rebasing: bytes[start..<place])
            place += 1
            if place < bytes.count, bytes[place] == UInt8(ascii: " ") { place += 1 }
            let valueStart = place
            while place < bytes.count, bytes[place] &- 0x20 < 0x5F { place += 1 }
            // Not empty, and no spaces around it, of which readers think differently.
            guard place > valueStart, bytes[valueStart] != UInt8(ascii: " "), bytes[place - 1] != UInt8(ascii: " "),
                place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\r"), bytes[place + 1] == UInt8(ascii: "\n")
            else { return nil }
            value = UnsafeRawBufferPointer(rebasing: bytes[valueStart..<place])
            end = place + 2
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-")
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func begins(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for place in 0..<text.utf8CodeUnitCount where self[place] != text.utf8Start[place] { return false }
        return true
    }
}
