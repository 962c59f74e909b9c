/// The hops of an `X-Forwarded-For` or a `Forwarded` header, the last one first. Allocates nothing.
///
/// The list is taken apart from the right too, quoted strings and all. Taken apart from the left, one quote that a client sends
/// and does not close would swallow what the proxies behind it added.
struct ForwardedHops {
    enum Syntax { case xForwardedFor, forwarded }

    private let syntax: Syntax
    /// What is not read yet; nil when there is no more.
    private var rest: UnsafeRawBufferPointer?
    /// Whether bytes of the header were left out before `rest`. Then its first element may lack its beginning.
    private let isCut: Bool

    /// Reads the last `byteCountMax` bytes of `value` at most.
    init(_ value: UnsafeRawBufferPointer, _ syntax: Syntax, byteCountMax: Int) {
        self.syntax = syntax
        isCut = value.count > byteCountMax
        rest = UnsafeRawBufferPointer(rebasing: value.suffix(byteCountMax))
    }

    /// The hop left of the one before; nil where there is none, or where it is no address. Nothing left of that is to be read.
    mutating func previous() -> IPAddress? {
        guard let element = previousElement() else { return nil }
        switch syntax {
        case .xForwardedFor: return ForwardedNode.address(element)
        case .forwarded: return Self.forwardedFor(element).flatMap(ForwardedNode.address)
        }
    }

    private mutating func previousElement() -> UnsafeRawBufferPointer? {
        guard let bytes = rest else { return nil }
        var place = bytes.count
        var isQuoted = false
        while place > 0 {
            place -= 1
            switch bytes[place] {
            case UInt8(ascii: ",") where !isQuoted:
                rest = UnsafeRawBufferPointer(rebasing: bytes[..<place])
                return bytes[(place + 1)...].trimmed
            case UInt8(ascii: "\"") where syntax == .forwarded && !(isQuoted && Self.isEscaped(bytes, place)):
                isQuoted.toggle()
            default: break
            }
        }
        rest = nil
        return isQuoted || isCut ? nil : bytes[...].trimmed
    }

    /// Whether an odd number of backslashes stands before `place`. They are looked at once for each quote behind them, and a
    /// quote has its own, so a header takes time in proportion to its length.
    private static func isEscaped(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Bool {
        bytes[..<place].reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }

    /// The value of the parameter `for` of one `Forwarded` element; nil where there is none, or more than one, or where the
    /// element is not what RFC 7239 says.
    private static func forwardedFor(_ element: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        var place = 0
        while place < element.count {
            let end = parameterEnd(element, from: place)
            let parameter = element[place..<end].trimmed
            place = end + 1
            if parameter.isEmpty { continue }
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            guard isFor(UnsafeRawBufferPointer(rebasing: parameter[..<equals])) else { continue }
            guard found == nil, let value = unquoted(parameter[(equals + 1)...].trimmed) else { return nil }
            found = value
        }
        return found
    }

    /// Where the parameter that begins at `start` ends: before the next semicolon that is not within a quoted string.
    private static func parameterEnd(_ element: UnsafeRawBufferPointer, from start: Int) -> Int {
        var place = start
        var isQuoted = false
        while place < element.count {
            switch element[place] {
            case UInt8(ascii: ";") where !isQuoted: return place
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: place += 1
            default: break
            }
            place += 1
        }
        return element.count
    }

    private static func isFor(_ name: UnsafeRawBufferPointer) -> Bool {
        name.count == 3 && name[0] | 0x20 == UInt8(ascii: "f") && name[1] | 0x20 == UInt8(ascii: "o")
            && name[2] | 0x20 == UInt8(ascii: "r")
    }

    /// What a token or a quoted string says. No address needs a backslash, so a string with one is none.
    private static func unquoted(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard value.first == UInt8(ascii: "\"") else { return value }
        guard value.count >= 2, value.last == UInt8(ascii: "\"") else { return nil }
        return UnsafeRawBufferPointer(rebasing: value[1..<value.count - 1])
    }
}

/// One hop, as both headers name it.
enum ForwardedNode {
    /// Reads `a.b.c.d`, `a.b.c.d:port`, `[IPv6]`, `[IPv6]:port`, or an IPv6 address without brackets, which has no port. Nil for
    /// anything else: `unknown`, `_hidden`, a name, nothing.
    static func address(_ node: UnsafeRawBufferPointer) -> IPAddress? {
        if node.first == UInt8(ascii: "[") {
            guard let end = node.firstIndex(of: UInt8(ascii: "]")), isPort(node[(end + 1)...]) else { return nil }
            let inner = UnsafeRawBufferPointer(rebasing: node[1..<end])
            return inner.contains(UInt8(ascii: ":")) ? IPAddress(utf8: inner) : nil
        }
        if let address = IPAddress(utf8: node) { return address }
        guard let colon = node.firstIndex(of: UInt8(ascii: ":")), isPort(node[colon...]) else { return nil }
        return IPAddress(utf8: UnsafeRawBufferPointer(rebasing: node[..<colon]))
    }

    /// Nothing, or a colon with a port: up to five digits, or an obfuscated one (RFC 7239, 6.3).
    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let colon = text.first else { return true }
        let port = text.dropFirst()
        guard colon == UInt8(ascii: ":"), let first = port.first else { return false }
        if first == UInt8(ascii: "_") { return port.count > 1 && port.dropFirst().allSatisfy(isObfuscation) }
        guard port.count <= 5, port.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        return port.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65_535
    }

    private static func isObfuscation(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Without the spaces and tabs on both sides, rebased.
    fileprivate var trimmed: UnsafeRawBufferPointer {
        var slice = self
        while let first = slice.first, first == 0x20 || first == 0x09 { slice = slice.dropFirst() }
        while let last = slice.last, last == 0x20 || last == 0x09 { slice = slice.dropLast() }
        return UnsafeRawBufferPointer(rebasing: slice)
    }
}
