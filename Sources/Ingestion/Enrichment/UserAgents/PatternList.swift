internal import CUserAgent

/// An ordered list of regular expressions, of which the first one that matches counts. Takes linear time and bounded memory whatever
/// the text is.
package final class PatternList: @unchecked Sendable {
    // Sendable: the list is not changed from its creation to its end, and okla_patterns_first may be called by any number of threads.

    package struct Pattern: Sendable {
        package let text: String
        package let ignoresCase: Bool

        package init(_ text: String, ignoresCase: Bool) {
            self.text = text
            self.ignoresCase = ignoresCase
        }
    }

    /// What is not a regular expression: the number of the pattern (nil: all of them together), and RE2's words for it.
    package struct Refusal: Error, Equatable {
        package let pattern: Int?
        package let message: String

        package init(pattern: Int?, message: String) {
            self.pattern = pattern
            self.message = message
        }
    }

    package struct Match {
        /// The number of the pattern.
        package let pattern: Int
        fileprivate let groups: okla_pattern_match

        /// Where group 1 to 9 is in the text; nil where it took no part.
        package func group(_ number: Int) -> Range<Int>? {
            precondition((0..<Int(OKLA_PATTERNS_GROUPS_MAX)).contains(number))
            return withUnsafeBytes(of: groups.groups) { bytes in
                let group = bytes.bindMemory(to: okla_group.self)[number]
                return group.start < 0 ? nil : Int(group.start)..<Int(group.end)
            }
        }
    }

    /// The longest text, in bytes.
    package static let textBytesMax = Int(OKLA_PATTERNS_TEXT_BYTES_MAX)

    private let patterns: OpaquePointer

    package init(_ patterns: [Pattern]) throws(Refusal) {
        // All texts one behind the other, so that one pointer serves for all.
        let bytes = patterns.flatMap { Array($0.text.utf8) }
        var error = okla_patterns_error()
        let created = bytes.withUnsafeBytes { bytes in
            var start = 0
            let list = patterns.map { pattern in
                defer { start += pattern.text.utf8.count }
                return okla_pattern(
                    text: bytes.baseAddress.map { ($0 + start).assumingMemoryBound(to: CChar.self) },
                    length: pattern.text.utf8.count, ignores_case: pattern.ignoresCase)
            }
            return okla_patterns_create(list, list.count, &error)
        }
        guard let created else {
            let message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw Refusal(pattern: error.pattern < patterns.count ? error.pattern : nil, message: message)
        }
        self.patterns = created
    }

    deinit { okla_patterns_destroy(patterns) }

    /// The first pattern of the list that matches anywhere in `text`, of at most `textBytesMax` bytes of UTF-8.
    package func firstMatch(in text: UnsafeRawBufferPointer) -> Match? {
        precondition(text.count <= Self.textBytesMax)
        var match = okla_pattern_match()
        // An empty text has no address, which RE2 would take for a group that took no part.
        var nothing: CChar = 0
        let status = withUnsafePointer(to: &nothing) { nothing in
            okla_patterns_first(
                patterns, text.baseAddress?.assumingMemoryBound(to: CChar.self) ?? nothing, text.count, &match)
        }
        guard status >= 0 else { preconditionFailure("no memory") }
        return status == 0 ? nil : Match(pattern: Int(match.pattern), groups: match)
    }
}
