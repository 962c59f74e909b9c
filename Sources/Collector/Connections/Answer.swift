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
    /// - Parameter date: as `HTTPDate` writes it.
    package func bytes(date: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBufferAllocator().buffer(capacity: 256 + body.count)
        bytes.writeStaticString("HTTP/1.1 ")
        bytes.writeString(String(status.code))
        bytes.writeStaticString(" ")
        bytes.writeString(status.reasonPhrase)
        bytes.writeStaticString("\r\nContent-Type: application/json\r\nContent-Length: ")
        bytes.writeString(String(body.count))
        for (name, value) in fields {
            bytes.writeStaticString("\r\n")
            bytes.writeString(name)
            bytes.writeStaticString(": ")
            bytes.writeString(value)
        }
        bytes.writeStaticString("\r\nDate: ")
        bytes.writeImmutableBuffer(date)
        if isLast { bytes.writeStaticString("\r\nConnection: close") }
        bytes.writeStaticString("\r\n\r\n")
        bytes.writeBytes(body)
        return bytes
    }
}
