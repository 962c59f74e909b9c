/// uap-core's rules, compiled.
package final class UserAgentRuleMatcher: Sendable {
    private struct List: Sendable {
        let section: UserAgentRules.Section
        let patterns: PatternList
        let rules: [UserAgentRules.Rule]
    }

    private let browsers: List
    private let operatingSystems: List
    private let devices: List

    /// - Parameter rulesFile: where the rules are, in the form of uap-core's regexes.yaml.
    package init(rulesFile: String) throws(EnrichmentError) {
        let rules = try UserAgentRules(file: rulesFile)
        func compiled(_ number: Int) throws(EnrichmentError) -> List {
            let (section, list) = (UserAgentRules.Section.all[number], rules.lists[number])
            do throws(PatternList.Refusal) {
                return List(section: section, patterns: try PatternList(list.map(\.pattern)), rules: list)
            } catch {
                let place = error.pattern.map { "line \(list[$0].line): rule \($0 + 1) of \(section.name)" } ?? section.name
                throw EnrichmentError(
                    "\(rulesFile), \(place) cannot be compiled: \(error.message). "
                        + "Mend or remove the rule, or install the Debian package uap-core.")
            }
        }
        browsers = try compiled(0)
        operatingSystems = try compiled(1)
        devices = try compiled(2)
    }

    /// - Parameter text: at most `PatternList.textBytesMax` bytes of UTF-8.
    package func parse(_ text: UnsafeRawBufferPointer) -> ParsedUserAgent {
        ParsedUserAgent(
            browser: Self.product(Self.values(of: text, by: browsers)),
            operatingSystem: Self.product(Self.values(of: text, by: operatingSystems)),
            device: Self.device(Self.values(of: text, by: devices)))
    }

    private static func product(_ values: [String?]?) -> ParsedUserAgent.Product {
        guard let values else { return .init() }
        return .init(
            family: values[0] ?? ParsedUserAgent.unknown, major: values[1], minor: values[2], patch: values[3],
            patchMinor: values[4])
    }

    private static func device(_ values: [String?]?) -> ParsedUserAgent.Device {
        guard let values else { return .init() }
        return .init(family: values[0] ?? ParsedUserAgent.unknown, brand: values[1], model: values[2])
    }

    /// The values that the first matching rule gives, one for each field of the section; nil for an empty one.
    private static func values(of text: UnsafeRawBufferPointer, by list: List) -> [String?]? {
        guard let match = list.patterns.firstMatch(in: text) else { return nil }
        return list.rules[match.pattern].templates.map { template in
            guard let template else { return nil }
            let bytes = template.filled(from: match, in: text)
            let value = list.section.isTrimmed ? trimmed(bytes[...]) : bytes[...]
            return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) }) else {
            return []
        }
        return bytes[first...last]
    }
}
