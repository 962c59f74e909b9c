/// What events are enriched with, as it is configured. For any number of threads.
package final class Enricher: Sendable {
    let geo: GeoDatabase?
    let userAgents: UserAgentParser?
    /// Whether `context.browser`, `.os` and `.device` are added.
    let addsUserAgents: Bool
    /// Whether `context.bot` is added.
    let marksBots: Bool
    let anonymizesAddresses: Bool

    /// - Parameter userAgents: nil: neither browsers nor bots are told.
    package init(
        geo: GeoDatabase? = nil, userAgents: UserAgentParser? = nil, addsUserAgents: Bool = true, marksBots: Bool = true,
        anonymizesAddresses: Bool = false
    ) {
        self.geo = geo
        self.userAgents = addsUserAgents || marksBots ? userAgents : nil
        self.addsUserAgents = addsUserAgents
        self.marksBots = marksBots
        self.anonymizesAddresses = anonymizesAddresses
    }

    /// nil: user agents are not told.
    package var userAgentStatistics: UserAgentCache.Statistics? { userAgents?.statistics }

    /// The address as it is stored.
    func stored(_ address: IPAddress) -> IPAddress { anonymizesAddresses ? address.anonymized : address }
}
