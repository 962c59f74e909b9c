internal import CYAML
internal import Glibc

/// The events of a YAML file, one by one, by libyaml. Aliases are refused: they are how a small file becomes a large one.
package struct YAMLEvents: ~Copyable {
    package enum Event: Equatable {
        case start
        case mappingStart
        case mappingEnd
        case sequenceStart
        case sequenceEnd
        case scalar(String)
        case end
    }

    package let path: String
    /// The line of the event that came last, counted from 1.
    package private(set) var line = 1

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// The file; the parser reads from here.
    private let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter bytesMax: a longer file is an error.
    package init(path: String, bytesMax: Int) throws(EnrichmentError) {
        let bytes = try Self.read(path, bytesMax: bytesMax)
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else { preconditionFailure("no memory") }
        yaml_parser_set_input_string(parser, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        self.path = path
        self.bytes = bytes
        self.parser = parser
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        bytes.deallocate()
    }

    /// The next event. `end` comes once, last.
    package mutating func next() throws(EnrichmentError) -> Event {
        var event = yaml_event_t()
        while true {
            guard yaml_parser_parse(parser, &event) == 1 else { throw malformed() }
            defer { yaml_event_delete(&event) }
            line = Int(event.start_mark.line) + 1
            switch event.type {
            case YAML_STREAM_START_EVENT: return .start
            case YAML_DOCUMENT_START_EVENT, YAML_DOCUMENT_END_EVENT: continue
            case YAML_MAPPING_START_EVENT: return .mappingStart
            case YAML_MAPPING_END_EVENT: return .mappingEnd
            case YAML_SEQUENCE_START_EVENT: return .sequenceStart
            case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                guard scalar.length <= UserAgentLimits.scalarBytesMax else {
                    throw error("a text of \(scalar.length) bytes, of at most \(UserAgentLimits.scalarBytesMax)")
                }
                return .scalar(
                    String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self))
            case YAML_STREAM_END_EVENT: return .end
            default: throw error("an alias, which is not taken here")
            }
        }
    }

    /// An error at the event that came last.
    package func error(_ what: String) -> EnrichmentError { error(what, line: line) }

    package func error(_ what: String, line: Int) -> EnrichmentError {
        EnrichmentError("\(path), line \(line): \(what). \(Self.advice)")
    }

    private static let advice = "Install the Debian package uap-core, or name a file that has the form of its regexes.yaml."

    private func malformed() -> EnrichmentError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "unreadable"
        return error("not YAML: \(problem)", line: Int(parser.pointee.problem_mark.line) + 1)
    }

    private static func read(_ path: String, bytesMax: Int) throws(EnrichmentError) -> UnsafeMutableRawBufferPointer {
        func failed(_ what: String) -> EnrichmentError {
            EnrichmentError("\(path): cannot \(what): \(String(cString: strerror(errno))). \(advice)")
        }
        guard let file = fopen(path, "rbe") else { throw failed("open") }
        defer { fclose(file) }
        // One byte more than it may have tells that it has too many, whatever it is.
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: bytesMax + 1, alignment: 1)
        let count = fread(bytes.baseAddress, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            bytes.deallocate()
            throw failed("read")
        }
        guard count <= bytesMax else {
            bytes.deallocate()
            throw EnrichmentError("\(path): longer than \(bytesMax) bytes. \(advice)")
        }
        return UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    }
}
