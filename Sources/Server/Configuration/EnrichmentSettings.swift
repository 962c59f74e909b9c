internal import Foundation
package import Ingestion
package import Logging

/// `EventTracking.Enrichment`.
package struct EnrichmentSettings: Sendable, Equatable {
    package var looksUpPlaces = true
    package var addsUserAgents = true
    package var marksBots = true
    package var anonymizesAddresses = false
    /// Without one there are no places.
    package var geoDatabase: String?
    /// nil: where the system's package has them.
    package var userAgentRules: String?

    package init() {}

    init(_ sources: ConfigurationSources) throws {
        let path = "EventTracking.Enrichment"
        looksUpPlaces = try sources.boolean("\(path).GeoIP") ?? looksUpPlaces
        addsUserAgents = try sources.boolean("\(path).UserAgent") ?? addsUserAgents
        marksBots = try sources.boolean("\(path).Bot Detection") ?? marksBots
        anonymizesAddresses = try sources.boolean("\(path).AnonymizeIP") ?? anonymizesAddresses
        geoDatabase = try sources.text("\(path).GeoIPDatabase")
        userAgentRules = try sources.text("\(path).UserAgentRules")
    }

    /// Reads what is configured, which takes up to a second. What is missing although nobody configured it is said once.
    package func enricher(_ logger: Logger) throws -> Enricher {
        Enricher(
            geo: try geo(logger), userAgents: try userAgents(logger), addsUserAgents: addsUserAgents, marksBots: marksBots,
            anonymizesAddresses: anonymizesAddresses)
    }

    private func geo(_ logger: Logger) throws -> GeoDatabase? {
        guard looksUpPlaces else { return nil }
        guard let geoDatabase else {
            logger.info("no EventTracking.Enrichment.GeoIPDatabase is configured, so events get no context.geo")
            return nil
        }
        let database = try GeoDatabase(path: geoDatabase)
        logger.info(
            "places are looked up",
            metadata: ["database": "\(geoDatabase)", "type": "\(database.databaseType)", "bytes": "\(database.byteCount)"])
        return database
    }

    private func userAgents(_ logger: Logger) throws -> UserAgentParser? {
        guard addsUserAgents || marksBots else { return nil }
        let path = userAgentRules ?? UserAgentParser.defaultRulesFile
        guard userAgentRules != nil || FileManager.default.fileExists(atPath: path) else {
            logger.warning(
                "events get no context.browser, os, device and bot, for uap-core's rules are not there; install the package uap-core, or name the file in EventTracking.Enrichment.UserAgentRules",
                metadata: ["file": "\(path)"])
            return nil
        }
        return try UserAgentParser(rulesFile: path)
    }
}
