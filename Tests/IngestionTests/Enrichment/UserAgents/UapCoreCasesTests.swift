import Ingestion
import Testing

/// uap-core's own cases, those that its own runner (tests/test.js) runs, against its rules.
@Suite struct UapCoreCasesTests {
    private static let matcher = try! UserAgentRuleMatcher(rulesFile: UserAgentParser.defaultRulesFile)

    private func parse(_ text: String) -> ParsedUserAgent {
        Array(text.utf8).withUnsafeBytes { Self.matcher.parse($0) }
    }

    /// Checks that what `told` says of each case is what the case says, in the members `names`.
    private func check(
        _ file: String, _ names: [String], atLeast: Int, _ told: (ParsedUserAgent) -> [String?]
    ) throws {
        var (passed, total) = (0, 0)
        for uapCase in try UapCore.cases(file) {
            let text = uapCase["user_agent_string", default: nil] ?? ""
            let expected = names.map { uapCase[$0] ?? nil }
            let found = told(parse(text))
            total += 1
            if found == expected { passed += 1 } else { Issue.record("\(file): \(text): \(found), not \(expected)") }
        }
        print("uap-core's \(file): \(passed) of \(total) cases come out right")
        #expect(total >= atLeast, "\(file) has fewer cases than it had")
    }

    @Test(arguments: [
        ("tests/test_ua.yaml", 1425), ("test_resources/firefox_user_agent_strings.yaml", 243),
        ("test_resources/pgts_browser_list.yaml", 12_500), ("test_resources/opera_mini_user_agent_strings.yaml", 203),
        ("test_resources/podcasting_user_agent_strings.yaml", 144),
    ])
    func browsersComeOutRight(_ file: String, _ atLeast: Int) throws {
        try check(file, ["family", "major", "minor", "patch"], atLeast: atLeast) {
            [$0.browser.family, $0.browser.major, $0.browser.minor, $0.browser.patch]
        }
    }

    @Test(arguments: [("tests/test_os.yaml", 456), ("test_resources/additional_os_tests.yaml", 23)])
    func operatingSystemsComeOutRight(_ file: String, _ atLeast: Int) throws {
        try check(file, ["family", "major", "minor", "patch", "patch_minor"], atLeast: atLeast) {
            let system = $0.operatingSystem
            return [system.family, system.major, system.minor, system.patch, system.patchMinor]
        }
    }

    @Test func devicesComeOutRight() throws {
        try check("tests/test_device.yaml", ["family", "brand", "model"], atLeast: 16_111) {
            [$0.device.family, $0.device.brand, $0.device.model]
        }
    }

    @Test func whatNoRuleKnowsIsOther() {
        #expect(parse("") == ParsedUserAgent())
        #expect(parse("no such thing").browser.family == "Other")
    }
}
