package import EventModel
internal import RecordFormat

/// Is told what a body holds. What it receives is valid until `end`.
package protocol DecodedRequestReceiver: ~Copyable {
    /// Called once, before the events.
    mutating func begin(_ outer: RequestDecoder.Outer) throws(IngestError)
    mutating func add(_ number: Int, _ source: RequestDecoder.Source)
    /// What was added so far is not readable behind this call.
    mutating func end()
}

/// Turns a body into events: inflates, parses once, finds the outer structure. Nothing here knows what an event means.
package struct RequestDecoder {
    /// What the outer structure may be.
    package enum Shape {
        /// One event, an array, or `{"batch":[...]}`.
        case any
        /// An array or `{"batch":[...]}`.
        case batch
        /// One event.
        case single
        /// One event, whatever it is.
        case whatever
        /// `{"batch":[...]}`. What is none is one event that is refused: Segment's clients do not send again what is not answered
        /// 200, so it is kept.
        case segmentBatch
    }

    /// What stands around the events.
    package struct Outer {
        var writeKey: String?
        var sentAt: Int64?
        package var eventCount: Int
        /// Of the whole text.
        package var textByteCount: Int
    }

    package enum Source {
        case event(JSONValue)
        /// Legal JSON that the parser refuses; the event is rejected alone.
        case refused(UnsafeRawBufferPointer, EventViolation)
    }

    let shape: Shape
    let limits: IngestLimits

    package init(shape: Shape, limits: IngestLimits) {
        self.shape = shape
        self.limits = limits
    }

    /// Tells `receiver` what stands around the events, then each event in order.
    package func decode<Receiver: DecodedRequestReceiver & ~Copyable>(
        _ body: UnsafeRawBufferPointer, _ encoding: BodyEncoding, in workspace: inout DecodeWorkspace,
        for receiver: inout Receiver
    ) throws(IngestError) {
        try inflate(body, encoding, in: &workspace)
        let text = workspace.text.bytes
        guard text.contains(where: { $0 > 0x20 }) else { throw IngestError(.invalidJSON, "the body is empty") }
        if let view = try? workspace.parser.parse(text) {
            return try walk(view.root, for: &receiver)
        }
        if LoneSurrogates.replace(in: UnsafeMutableRawBufferPointer(mutating: text)) > 0,
            let view = try? workspace.parser.parse(text)
        {
            return try walk(view.root, for: &receiver)
        }
        try walkPiecewise(text, workspace.parser, for: &receiver)
    }

    private func inflate(
        _ body: UnsafeRawBufferPointer, _ encoding: BodyEncoding, in workspace: inout DecodeWorkspace
    ) throws(IngestError) {
        do throws(BodyInflater.Failure) {
            try workspace.inflater.inflate(body, encoding, limit: limits.inflatedBytes, into: &workspace.text)
        } catch {
            switch error {
            case .tooLarge:
                throw IngestError(.payloadTooLarge, "the body inflates to more than \(limits.inflatedBytes) bytes")
            case .malformed: throw IngestError(.invalidEncoding, "the body is not valid \(encoding)")
            }
        }
    }

    // MARK: The usual case: the whole text was parsed

    private func walk<Receiver: DecodedRequestReceiver & ~Copyable>(
        _ root: JSONValue, for receiver: inout Receiver
    ) throws(IngestError) {
        if shape == .whatever {
            try receiver.begin(
                Outer(
                    writeKey: root.isObject ? root.member("writeKey")?.string : nil, eventCount: 1,
                    textByteCount: root.sourceRange.count))
            receiver.add(0, .event(root))
            return receiver.end()
        }
        if shape == .segmentBatch, !isBatch(root) {
            let writeKey = root.isObject ? root.member("writeKey")?.string : nil
            return try refuseWhole(root.source, writeKey, for: &receiver)
        }
        if root.isArray && shape != .single {
            let count = elementCount(root)
            try checkCount(count)
            try receiver.begin(Outer(eventCount: count, textByteCount: root.sourceRange.count))
            return addAll(root, to: &receiver)
        }
        guard root.isObject else { throw wrongShape() }
        guard shape != .single, let batch = root.member("batch") else {
            guard shape != .batch else { throw wrongShape() }
            // A key that is not text cannot be right, and is removed like any other.
            try receiver.begin(
                Outer(writeKey: root.member("writeKey")?.string, eventCount: 1, textByteCount: root.sourceRange.count))
            receiver.add(0, .event(root))
            return receiver.end()
        }
        if let twice = RepeatedName.first(in: root) {
            throw IngestError(.invalidBody, "\"\(RepeatedName.shown(twice))\" stands twice beside batch")
        }
        guard batch.isArray else { throw IngestError(.invalidBody, "batch must be an array of events") }
        let count = elementCount(batch)
        try checkCount(count)
        try receiver.begin(
            Outer(
                writeKey: root.member("writeKey")?.string, sentAt: try sentAt(root.member("sentAt")), eventCount: count,
                textByteCount: root.sourceRange.count))
        addAll(batch, to: &receiver)
    }

    private func isBatch(_ root: JSONValue) -> Bool {
        guard root.isObject, let batch = root.member("batch") else { return false }
        return batch.isArray && RepeatedName.first(in: root) == nil
    }

    /// What is no batch is kept as one event that is refused.
    private func refuseWhole<Receiver: DecodedRequestReceiver & ~Copyable>(
        _ text: UnsafeRawBufferPointer, _ writeKey: String?, for receiver: inout Receiver
    ) throws(IngestError) {
        try receiver.begin(Outer(writeKey: writeKey, eventCount: 1, textByteCount: text.count))
        let violation = EventViolation(
            path: "", keyword: "required", message: "the body must be {\"batch\":[...]}, with each of its members once")
        receiver.add(0, .refused(text, violation))
        receiver.end()
    }

    private func addAll<Receiver: DecodedRequestReceiver & ~Copyable>(_ events: JSONValue, to receiver: inout Receiver) {
        var elements = events.elements
        var number = 0
        while let event = elements.next() {
            receiver.add(number, .event(event))
            number += 1
        }
        receiver.end()
    }

    private func elementCount(_ array: JSONValue) -> Int {
        var elements = array.elements
        var count = 0
        while elements.next() != nil { count += 1 }
        return count
    }

    private func sentAt(_ value: JSONValue?) throws(IngestError) -> Int64? {
        guard let value, !value.isNull else { return nil }
        guard value.isString, let time = Timestamp.milliseconds(value.stringBytes) else {
            // No reason to lose the batch.
            if shape == .segmentBatch { return nil }
            throw IngestError(.invalidBody, "sentAt must be a date-time such as \"2026-01-21T10:30:45.123Z\"")
        }
        return time
    }

    private func checkCount(_ count: Int) throws(IngestError) {
        guard count > 0 || shape == .segmentBatch else { throw IngestError(.emptyBatch, "the batch holds no event") }
        guard count <= limits.batchEvents else {
            throw IngestError(.tooManyEvents, "\(count) events in one request, the most is \(limits.batchEvents)")
        }
    }

    private func wrongShape() -> IngestError {
        switch shape {
        case .any: IngestError(.invalidBody, "the body must be an event, an array of events, or {\"batch\":[...]}")
        case .batch: IngestError(.invalidBody, "the body must be an array of events or {\"batch\":[...]}")
        case .single, .whatever, .segmentBatch: IngestError(.invalidBody, "the body must be one event, an object")
        }
    }

    // MARK: The rare case: the parser refused the text, which may still be JSON

    private func walkPiecewise<Receiver: DecodedRequestReceiver & ~Copyable>(
        _ text: UnsafeRawBufferPointer, _ parser: JSONParser, for receiver: inout Receiver
    ) throws(IngestError) {
        func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: text[range]) }
        let outline: JSONGrammar.Outline
        do throws(JSONGrammar.Violation) {
            outline = try JSONGrammar.outline(text, elementsMax: limits.batchEvents)
        } catch {
            throw IngestError(.invalidJSON, "\(error.message) at byte \(error.position)")
        }
        switch outline {
        case .array(let elements, let count) where shape == .any || shape == .batch:
            try checkCount(count)
            try receiver.begin(Outer(eventCount: elements.count, textByteCount: text.count))
            for (number, range) in elements.enumerated() { addAlone(number, slice(range), parser, to: &receiver) }
        case .object(let members):
            // Names first: the parser's memory is reused by the next parse.
            var (batches, keys, times): ([Range<Int>], [Range<Int>], [Range<Int>]) = ([], [], [])
            for member in members {
                let name = slice(member.name)
                if isName(name, "batch", parser) { batches.append(member.value) }
                if isName(name, "writeKey", parser) { keys.append(member.value) }
                if isName(name, "sentAt", parser) { times.append(member.value) }
            }
            func parsed(_ found: [Range<Int>]) -> JSONValue? {
                found.first.flatMap { try? parser.parse(slice($0)) }?.root
            }
            let writeKey = parsed(keys)?.string
            // In one event, that is the event's fault alone.
            if shape != .single, shape != .whatever, batches.count > 1 || keys.count > 1 || times.count > 1 {
                if shape == .segmentBatch { return try refuseWhole(text, writeKey, for: &receiver) }
                throw IngestError(.invalidBody, "batch, writeKey and sentAt must not stand twice")
            }
            guard shape != .single, shape != .whatever, let batch = batches.first else {
                if shape == .segmentBatch { return try refuseWhole(text, writeKey, for: &receiver) }
                guard shape != .batch else { throw wrongShape() }
                try receiver.begin(Outer(writeKey: writeKey, eventCount: 1, textByteCount: text.count))
                return addAlone(0, text, parser, to: &receiver)
            }
            let inner = try? JSONGrammar.outline(slice(batch), elementsMax: limits.batchEvents, isUnicode: true)
            guard case .array(let elements, let count)? = inner else {
                if shape == .segmentBatch { return try refuseWhole(text, writeKey, for: &receiver) }
                throw IngestError(.invalidBody, "batch must be an array of events")
            }
            try checkCount(count)
            try receiver.begin(
                Outer(
                    writeKey: writeKey, sentAt: try sentAt(parsed(times)), eventCount: elements.count,
                    textByteCount: text.count))
            let start = batch.lowerBound
            for (number, range) in elements.enumerated() {
                addAlone(number, slice(start + range.lowerBound..<start + range.upperBound), parser, to: &receiver)
            }
        default:
            if shape == .segmentBatch { return try refuseWhole(text, nil, for: &receiver) }
            guard shape == .whatever else { throw wrongShape() }
            try receiver.begin(Outer(eventCount: 1, textByteCount: text.count))
            addAlone(0, text, parser, to: &receiver)
        }
    }

    /// The next event takes the parser's memory.
    private func addAlone<Receiver: DecodedRequestReceiver & ~Copyable>(
        _ number: Int, _ text: UnsafeRawBufferPointer, _ parser: JSONParser, to receiver: inout Receiver
    ) {
        receiver.add(number, source(text, parser))
        receiver.end()
    }

    /// Whether a name, quotes included, is `wanted`. Only one with a backslash has to be parsed, where it is short enough to be it.
    private func isName(_ name: UnsafeRawBufferPointer, _ wanted: StaticString, _ parser: JSONParser) -> Bool {
        let plain = UnsafeRawBufferPointer(rebasing: name.dropFirst().dropLast())
        if plain.holdsSameBytes(as: UnsafeRawBufferPointer(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount)) {
            return true
        }
        guard plain.count <= 6 * wanted.utf8CodeUnitCount, plain.contains(UInt8(ascii: "\\")) else { return false }
        return (try? parser.parse(name))?.root.equals(wanted) ?? false
    }

    private func source(_ text: UnsafeRawBufferPointer, _ parser: JSONParser) -> Source {
        do throws(JSONParser.Refusal) {
            return .event(try parser.parse(text).root)
        } catch {
            return .refused(text, IngestLimits.violation(error))
        }
    }
}
