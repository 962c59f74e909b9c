internal import Ingestion
package import NIOCore
package import NIOHTTP1

/// A whole answer that no route of the framework gives, with a JSON body.
package struct Answer: Sendable {
    package let status: HTTPResponseStatus
    package var fields: [(name: String, value: String)] = []
    package let body: [UInt8]
    /// The connection ends with it.
    package var isLast = false

    package init(_ status: HTTPResponseStatus, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// As it goes over the wire. One buffer is one write, and half of what an answer would cost through the encoder.
    ///
    /// - Parameter date: as `HTTPDate` has it.
    package func bytes(date: [UInt8]) -> ByteBuffer {
        let reason = status.reasonPhrase
        let most = fields.reduce(256 + reason.utf8.count + body.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        var bytes = ByteBufferAllocator().buffer(capacity: most)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { room in
            var text = Text(room: room)
            text.add("HTTP/1.1 ")
            text.add(decimal: Int(status.code))
            text.add(" ")
            text.add(reason)
            text.add("\r\nContent-Type: application/json\r\nContent-Length: ")
            text.add(decimal: body.count)
            for (name, value) in fields {
                text.add("\r\n")
                text.add(name)
                text.add(": ")
                text.add(value)
            }
            text.add("\r\nDate: ")
            text.add(date)
            if isLast { text.add("\r\nConnection: close") }
            text.add("\r\n\r\n")
            text.add(body)
            return text.count
        }
        return bytes
    }

    /// Text in room that is large enough for all of it.
    private struct Text {
        let room: UnsafeMutableRawBufferPointer
        private(set) var count = 0

        init(room: UnsafeMutableRawBufferPointer) { self.room = room }

        @inline(__always)
        private mutating func add(_ bytes: UnsafeRawBufferPointer) {
            UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(from: bytes)
            count += bytes.count
        }

        mutating func add(_ text: StaticString) {
            add(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }

        mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

        mutating func add(_ text: String) {
            var text = text
            text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
        }

        mutating func add(decimal number: Int) {
            if number > 9 { add(decimal: number / 10) }
            room[count] = UInt8(ascii: "0") + UInt8(number % 10)
            count += 1
        }
    }
}
