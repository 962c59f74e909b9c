/// Commands for Redis, one behind the other, as its protocol (RESP) has them: an array of strings each.
struct RedisCommands {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Adds a command whose arguments are texts, or the bytes of ids, which may be any.
    mutating func add(_ name: StaticString, _ arguments: Argument...) {
        count += 1
        append(UInt8(ascii: "*"), arguments.count + 1)
        name.withUTF8Buffer { appendString($0) }
        for argument in arguments { append(argument) }
    }

    /// Adds a command with `arguments` behind the key.
    mutating func add(_ name: StaticString, _ key: Argument, all arguments: some Collection<Argument>) {
        count += 1
        append(UInt8(ascii: "*"), arguments.count + 2)
        name.withUTF8Buffer { appendString($0) }
        append(key)
        for argument in arguments { append(argument) }
    }

    mutating func add(all others: RedisCommands) {
        count += others.count
        bytes += others.bytes
    }

    /// The name and the key of one of the commands, to be shown.
    func key(of number: Int) -> String {
        var (place, left) = (0, number)
        /// The number behind the mark here, and the place behind its line.
        func line() -> Int {
            let end = bytes[place...].firstIndex(of: UInt8(ascii: "\r")) ?? bytes.count
            defer { place = min(end + 2, bytes.count) }
            return Int(String(decoding: bytes[min(place + 1, end)..<end], as: UTF8.self)) ?? 0
        }
        while place < bytes.count {
            let strings = (0..<line()).map { _ in
                let byteCount = line()
                defer { place += byteCount + 2 }
                return place..<place + byteCount
            }
            if left == 0 { return strings.prefix(2).map { String(decoding: bytes[$0], as: UTF8.self) }.joined(separator: " ") }
            left -= 1
        }
        return ""
    }

    enum Argument: ExpressibleByStringLiteral {
        case text(String)
        case bytes([UInt8])
        case number(Int64)

        init(stringLiteral text: String) { self = .text(text) }
    }

    private mutating func append(_ argument: Argument) {
        switch argument {
        case .text(var text): text.withUTF8 { appendString($0) }
        case .bytes(let bytes): bytes.withUnsafeBufferPointer { appendString($0) }
        case .number(let number):
            var digits = String(number)
            digits.withUTF8 { appendString($0) }
        }
    }

    private mutating func appendString(_ string: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "$"), string.count)
        bytes.append(contentsOf: string)
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func append(_ mark: UInt8, _ number: Int) {
        bytes.append(mark)
        var digits = String(number)
        digits.withUTF8 { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
