/// Tells what a user agent is: its browser, operating system and device by uap-core's rules, and whether it is a bot. Any number of
/// threads may ask at once. What was asked for before costs no memory and little time.
package final class UserAgentParser: Sendable {
    /// Where the Debian package uap-core has them.
    package static let defaultRulesFile = "/usr/share/uap-core/regexes.yaml"

    private let rules: UserAgentRuleMatcher
    private let bots: BotDetector
    private let kinds: DeviceKinds
    private let cache: UserAgentCache

    /// - Parameter rulesFile: rules in the form of uap-core's regexes.yaml. They are read and compiled here, which takes a fifth
    ///   of a second, and never again.
    package init(rulesFile: String, cacheBounds: UserAgentCache.Bounds = .init()) throws(EnrichmentError) {
        rules = try UserAgentRuleMatcher(rulesFile: rulesFile)
        bots = try BotDetector()
        kinds = try DeviceKinds()
        cache = UserAgentCache(bounds: cacheBounds)
    }

    /// What is known of a user agent in UTF-8, of any length; beyond `UserAgentLimits.userAgentBytesMax` it is cut.
    package func facts(for userAgent: UnsafeRawBufferPointer) -> UserAgentFacts {
        let text = Self.cut(userAgent)
        return cache.facts(for: text) { makeFacts(text) }
    }

    package var statistics: UserAgentCache.Statistics { cache.statistics }

    /// For tests.
    package func checkInvariants() { cache.checkInvariants() }

    private func makeFacts(_ text: UnsafeRawBufferPointer) -> UserAgentFacts {
        let parsed = rules.parse(text)
        let botRule = bots.rule(for: text, parsed)
        return UserAgentFacts(
            userAgent: text, parsed, kind: kinds.kind(of: text, parsed, isBot: botRule != nil), botRule: botRule)
    }

    /// The beginning that counts, which ends with a whole character.
    package static func cut(_ userAgent: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard userAgent.count > UserAgentLimits.userAgentBytesMax else { return userAgent }
        var end = UserAgentLimits.userAgentBytesMax
        // A character has at most three bytes behind its first, each 0b10xxxxxx.
        while end > UserAgentLimits.userAgentBytesMax - 3, userAgent[end] & 0xC0 == 0x80 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: userAgent[..<end])
    }
}
