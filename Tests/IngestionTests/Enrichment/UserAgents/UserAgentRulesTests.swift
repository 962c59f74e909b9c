import Foundation
import Ingestion
import TestSupport
import Testing

@Suite struct UserAgentRulesTests {
    private let folder = TemporaryDirectory()

    private static let otherLists = "os_parsers:\n  - regex: '(Linux)'\ndevice_parsers:\n  - regex: '(Pixel)'\n"

    private func matcher(_ yaml: String) throws -> UserAgentRuleMatcher {
        let path = folder.file("rules.yaml")
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: path))
        return try UserAgentRuleMatcher(rulesFile: path)
    }

    private func parse(_ text: String, _ yaml: String) throws -> ParsedUserAgent {
        let matcher = try matcher(yaml)
        return Array(text.utf8).withUnsafeBytes { matcher.parse($0) }
    }

    private func browser(_ rules: String, _ text: String) throws -> ParsedUserAgent.Product {
        try parse(text, "user_agent_parsers:\n\(rules)\n\(Self.otherLists)").browser
    }

    private func device(_ rules: String, _ text: String) throws -> ParsedUserAgent.Device {
        try parse(text, "user_agent_parsers:\n  - regex: '(x)'\nos_parsers:\n  - regex: '(x)'\ndevice_parsers:\n\(rules)\n")
            .device
    }

    // MARK: What rules say

    @Test func groupsGiveTheValuesInTheirOrder() throws {
        let found = try browser(#"  - regex: '(Fox)/(\d+)\.(\d+)\.(\d+)\.(\d+)'"#, "Fox/1.2.3.4")
        #expect(found == .init(family: "Fox", major: "1", minor: "2", patch: "3", patchMinor: "4"))
    }

    @Test func replacementsTakeThePlaceOfGroups() throws {
        let rule = #"""
              - regex: '(Fox)/(\d+)\.(\d+)'
                family_replacement: 'Big $1 ($2$2, $9) $ $0 $'
                v1_replacement: 'v$2'
                v2_replacement: '0'
                v3_replacement: '$3'
            """#
        let found = try browser(rule, "Fox/1.2")
        #expect(found == .init(family: "Big Fox (11, ) $ $0 $", major: "v1", minor: "0", patch: "2"))
    }

    @Test func emptyGroupsAndReplacementsGiveNothing() throws {
        let found = try browser(#"  - regex: '(Fox)/(\d*)\.(\d+|)(?:\.(\d+)|)'"# + "\n    v1_replacement: ''", "Fox/.7")
        #expect(found == .init(family: "Fox", major: nil, minor: "7"))
        #expect(
            try browser(#"  - regex: '(Fox)/(\d+)'"# + "\n    v1_replacement: ''", "Fox/7") == .init(family: "Fox", major: "7"))
        #expect(try browser("  - regex: '()Fox'", "Fox") == .init(family: "Other"))
        #expect(try browser("  - regex: 'Fox'", "Fox") == .init(family: "Other"))
    }

    @Test func theFirstRuleThatMatchesCountsHoweverMuchBetterTheNextIs() throws {
        let rules = #"""
              - regex: '(o)x'
              - regex: '(Fox)/(\d+)'
            """#
        #expect(try browser(rules, "Fox/1") == .init(family: "o"))
    }

    @Test func devicesAreTrimmedAndHaveNoBrandUnlessItIsSaid() throws {
        #expect(try device("  - regex: ';( Alpha *)'", "; Alpha  ") == .init(family: "Alpha", brand: nil, model: "Alpha"))
        let rule = """
              - regex: '(A)(B)(C)(D)(E)(F)(G)(H)(I)'
                device_replacement: '$9$8$7$6$5$4$3$2$1'
                brand_replacement: ' $1 '
                model_replacement: '  '
            """
        #expect(try device(rule, "ABCDEFGHI") == .init(family: "IHGFEDCBA", brand: "A", model: nil))
    }

    @Test func caseCountsUnlessTheRuleSaysOtherwise() throws {
        #expect(try device("  - regex: '(alpha)'", "ALPHA") == .init())
        #expect(try device("  - regex: '(alpha)'\n    regex_flag: 'i'", "ALPHA").family == "ALPHA")
    }

    // MARK: What is refused

    private func refusal(_ yaml: String) -> String? {
        do { _ = try matcher(yaml) } catch { return "\(error)" }
        return nil
    }

    /// The error names the file and the line, says what is wrong and ends with what to do.
    private func expectRefusal(_ yaml: String, _ line: Int?, _ words: String, _ place: SourceLocation = #_sourceLocation) {
        let message = refusal(yaml) ?? "nothing"
        let start = folder.file("rules.yaml") + (line.map { ", line \($0): " } ?? "")
        #expect(message.hasPrefix(start) && message.contains(words), "\(message)", sourceLocation: place)
        #expect(message.hasSuffix("."), "\(message)", sourceLocation: place)
        #expect(message.contains("uap-core"), "\(message)", sourceLocation: place)
    }

    private static let browsers = "user_agent_parsers:\n  - regex: '(x)'\n"

    @Test func aWholeFileIsTaken() { #expect(refusal(Self.browsers + Self.otherLists) == nil) }

    @Test func aMissingFileIsAnError() {
        #expect {
            try UserAgentParser(rulesFile: "/no/such/file.yaml")
        } throws: {
            "\($0)".hasPrefix("/no/such/file.yaml: cannot open: No such file or directory. Install the Debian package uap-core")
        }
        #expect(throws: EnrichmentError.self) { try UserAgentParser(rulesFile: "/tmp") }
    }

    @Test func aFileThatIsTooLongIsAnError() {
        let comment = "# " + String(repeating: "x", count: UserAgentLimits.rulesFileBytesMax) + "\n"
        expectRefusal(comment + Self.browsers + Self.otherLists, nil, ": longer than 4194304 bytes")
    }

    @Test func whatIsNotYAMLIsAnErrorWithItsLine() {
        expectRefusal("user_agent_parsers:\n  - regex: 'x\n", 3, "not YAML: ")
        expectRefusal("user_agent_parsers:\n  - regex: \"\\q\"\n", 2, "not YAML: ")
        expectRefusal("a: \u{0}", 1, "not YAML: ")
    }

    @Test func whatHasAnotherFormIsAnErrorWithItsLine() {
        expectRefusal("", 1, "not a mapping")
        expectRefusal("- x", 1, "not a mapping")
        expectRefusal("user_agent_parsers: text", 1, "user_agent_parsers is not a list")
        expectRefusal("user_agent_parsers:\n  - text", 2, "not a rule, in user_agent_parsers")
        expectRefusal("user_agent_parsers:\n  - regex: [x]", 2, "regex is not text")
        expectRefusal("user_agent_parsers:\n  - [x]: x", 2, "a name that is not text")
        expectRefusal("user_agent_parsers:\n  - v1_replacement: x\n", 2, "a rule without regex")
        expectRefusal("user_agent_parsers:\n  - regex: ''\n", 2, "a rule without regex")
        expectRefusal("\nengine_parsers:\n  - regex: x\n", 2, "an unknown list engine_parsers")
        expectRefusal(
            "user_agent_parsers:\n  - regex: x\n    os_replacement: x\n", 3,
            "a rule of user_agent_parsers with an unknown member os_replacement")
        expectRefusal("user_agent_parsers:\n  - regex: x\n    regex: x\n", 3, "regex for the second time")
        expectRefusal("user_agent_parsers:\n  - regex: x\n    regex_flag: g\n", 2, "an unknown regex_flag g")
        expectRefusal(Self.browsers + Self.browsers, 3, "user_agent_parsers for the second time")
        expectRefusal(Self.browsers, nil, "no rules in os_parsers")
        expectRefusal("user_agent_parsers: []\n" + Self.otherLists, nil, "no rules in user_agent_parsers")
        expectRefusal(Self.browsers + Self.otherLists + "---\na: b\n", 8, "something behind the rules")
    }

    @Test func aliasesAreRefused() {
        expectRefusal("user_agent_parsers:\n  - &rule\n    regex: x\n  - *rule\n", 4, "an alias")
    }

    @Test func thereAreBoundsForRulesAndTexts() {
        let rules = String(repeating: "  - regex: x\n", count: UserAgentLimits.rulesMax + 1)
        expectRefusal(
            "user_agent_parsers:\n" + rules, UserAgentLimits.rulesMax + 2, "more than 10000 rules in user_agent_parsers")
        let long = String(repeating: "x", count: UserAgentLimits.scalarBytesMax + 1)
        expectRefusal("user_agent_parsers:\n  - regex: \(long)\n", 2, "a text of 65537 bytes, of at most 65536")
    }

    @Test func aPatternThatCannotBeCompiledIsAnErrorWithItsLineAndTheReason() {
        expectRefusal(
            Self.browsers + "  - regex: '(y'\n" + Self.otherLists, 3, "rule 2 of user_agent_parsers cannot be compiled: missing")
        expectRefusal(Self.browsers + "  - regex: 'a(?=b)'\n" + Self.otherLists, 3, "invalid perl operator: (?=")
        // It would take megabytes.
        expectRefusal(
            Self.browsers + #"  - regex: '(\pL{900})'"# + "\n" + Self.otherLists, 3, "cannot be compiled: pattern too large")
    }
}
