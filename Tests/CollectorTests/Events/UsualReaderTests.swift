import Collector
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@Suite struct UsualReaderTests {
    /// What a connection's bytes are, in one line a step.
    private func steps(
        _ pieces: [String], decoderEnds: Bool = false, headBytesMax: Int = 1 << 14, fieldsMax: Int = 100
    ) -> [String] {
        var reader = UsualReader(headBytesMax: headBytesMax, fieldsMax: fieldsMax)
        var steps: [String] = []
        for piece in pieces {
            var bytes = ByteBuffer(string: piece)
            while let step = reader.next(&bytes) {
                switch step {
                case .head(let request): steps.append("head \(request.endpoint) \(request.contentLength ?? -1)")
                case .body(let bytes): steps.append("body \(String(buffer: bytes))")
                case .end: steps.append("end")
                case .decode(let piece):
                    steps.append("decode \(String(buffer: piece))")
                    if decoderEnds && bytes.readableBytes == 0 { reader.decoderEnded() }
                }
            }
        }
        return steps
    }

    @Test func aUsualRequestIsReadInWhateverPiecesItsBodyComes() {
        let head = "POST /api/events/track HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\n"
        #expect(steps([head + "abcd"]) == ["head track 4", "body abcd", "end"])
        #expect(steps([head, "ab", "c", "d"]) == ["head track 4", "body ab", "body c", "body d", "end"])
        #expect(
            steps([head + "abcd" + head + "a", "bcd"]) == [
                "head track 4", "body abcd", "end", "head track 4", "body a", "body bcd", "end",
            ])
        #expect(steps(["POST /api/events HTTP/1.1\r\nContent-Length: 0\r\n\r\n"]) == ["head events 0", "end"])
    }

    @Test func whatIsNotUsualIsDecodedAndSoIsAllBehindIt() {
        let usual = "POST /api/events HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
        #expect(
            steps([usual + "GET / HTTP/1.1\r\n\r\n" + usual]) == [
                "head events 1", "body a", "end", "decode GET / HTTP/1.1\r\n\r\n" + usual.dropLast(), "decode a",
            ])
        #expect(
            steps([String(usual.prefix(20)), String(usual.dropFirst(20))]).allSatisfy { $0.hasPrefix("decode") },
            "a head in two pieces")
    }

    @Test func whereTheDecoderHasEndedOneUsualRequestsAreReadAgain() {
        let usual = "POST /api/events HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
        let found = steps(["GET / HTTP/1.1\r\n\r\n", usual], decoderEnds: true)
        #expect(found == ["decode GET / HTTP/1.1\r\n\r", "decode \n", "head events 1", "body a", "end"])
    }

    @Test func limitsAreTheDecoders() {
        func head(_ fields: Int) -> String {
            "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\n" + String(repeating: "A: b\r\n", count: fields - 1) + "\r\n"
        }
        #expect(steps([head(3)], fieldsMax: 3) == ["head events 0", "end"])
        #expect(steps([head(4)], fieldsMax: 3)[0].hasPrefix("decode"))
        #expect(steps([head(3)], headBytesMax: head(3).utf8.count) == ["head events 0", "end"])
        #expect(steps([head(3)], headBytesMax: head(3).utf8.count - 1)[0].hasPrefix("decode"))
    }

    @Test(arguments: [
        "POST /api/events HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "POST /api/events HTTP/1.1\nContent-Length: 0\r\n\r\n",
        "PUT /api/events HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST  /api/events HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST /api/events  HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST /api/eventsx HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST /api/events/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST /api/events#a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST /api/events HTTP/1.1\r\n\r\n", "POST /api/events HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: +0\r\n\r\n", "POST /api/events HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 1234567890\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST /api/events HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        "POST /api/events HTTP/1.1\r\nContent-Length : 0\r\n\r\n", "POST /api/events HTTP/1.1\r\n Content-Length: 0\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA: b\r\n c\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA: \r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA: b \r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA: b\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA: \u{e9}\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nA\u{0}: b\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nConnection: keep-alive, x\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nUpgrade: h2c\r\n\r\n",
        "POST /api/events HTTP/1.1\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
    ])
    func otherHeadsAreTheDecoders(_ head: String) { #expect(steps([head])[0].hasPrefix("decode")) }

    /// A usual head that is changed in a few places is read here as the decoder reads it, or not at all.
    @Test(arguments: 1...8)
    func whatIsReadHereTheDecoderReadsAlike(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let seeds = [
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Write-Key: k\r\nContent-Length: 3\r\n\r\nabc",
            "POST /api/events/page?writeKey=a%62&receipts=true HTTP/1.1\r\nORIGIN: https://okla.com.do\r\ncontent-length: 3\r\n"
                + "connection: Keep-Alive\r\nContent-Encoding: gzip\r\nauthorization: Basic dXNlcjo=\r\nOrigin: b\r\n\r\nabc",
        ].map { Array($0.utf8) }
        let odd = Array(" \t\r\n:,;\u{0}/?#%&=-_+0123456789aAzZkKeEtTcC\"\\\u{7f}".utf8) + [0x80, 0xE9, 0xFF]
        var readHere = 0
        for round in 0..<4000 {
            var text = seeds[round % seeds.count]
            for _ in 0..<Int(random.next() % 3) {
                let place = Int(random.next() % UInt64(text.count))
                let byte = odd[Int(random.next() % UInt64(odd.count))]
                switch random.next() % 4 {
                case 0: text[place] = byte
                case 1: text.insert(byte, at: place)
                case 2: text.remove(at: place)
                default: text[place] ^= 0x20
                }
            }
            var reader = UsualReader(headBytesMax: 1 << 14, fieldsMax: 100)
            var bytes = ByteBuffer(bytes: text)
            guard case .head(let ours)? = reader.next(&bytes) else { continue }
            readHere += 1
            let shown = String(decoding: text, as: UTF8.self)
            let (head, body, isComplete) = try decoded(text)
            let theirs = try #require(EventsRequest(head), "\(shown)")
            #expect(String(describing: ours) == String(describing: theirs), "\(shown)")
            var oursBody = ByteBuffer()
            var isOursComplete = false
            loop: while let step = reader.next(&bytes) {
                switch step {
                case .body(var piece): oursBody.writeBuffer(&piece)
                case .end:
                    isOursComplete = true
                    break loop
                case .head, .decode: break loop
                }
            }
            #expect(oursBody == body && isOursComplete == isComplete, "\(shown)")
        }
        #expect(readHere > 1000)
    }

    /// The first request as the decoder reads it.
    private func decoded(_ text: [UInt8]) throws -> (HTTPRequestHead, body: ByteBuffer, isComplete: Bool) {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        // What stands behind the first request may be anything.
        _ = try? channel.writeInbound(ByteBuffer(bytes: text))
        guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) else {
            throw Unread()
        }
        var body = ByteBuffer()
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .body(var piece): body.writeBuffer(&piece)
            case .end: return (head, body, true)
            case .head: throw Unread()
            }
        }
        return (head, body, false)
    }

    private struct Unread: Error {}
}
