/// Tells bots from persons: by uap-core's rules, and by our own patterns for what they miss.
package struct BotDetector: Sendable {
    private let bots: PatternList

    package init() throws(EnrichmentError) {
        bots = try PatternList(ours: BotPatterns.bots.map(\.pattern), called: "bots")
    }

    /// By what `text` is a bot's: `uap:` and the family that uap-core gives it, or the name of our pattern. Nil for a person.
    package func rule(for text: UnsafeRawBufferPointer, _ parsed: ParsedUserAgent) -> String? {
        if parsed.device.isSpider, !BotPatterns.personsBrowsers.contains(parsed.browser.family) {
            return "uap:\(parsed.browser.isKnown ? parsed.browser.family : "Spider")"
        }
        return bots.firstMatch(in: text).map { BotPatterns.bots[$0.pattern].name }
    }
}
