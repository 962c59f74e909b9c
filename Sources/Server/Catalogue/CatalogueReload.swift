internal import EventModel
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Reads the catalogue again on SIGHUP. One that is broken changes nothing.
struct CatalogueReload: Service {
    let settings: Settings
    let current: CurrentCatalogue
    /// SIGHUP, also of before the service runs.
    let hangUps: UnixSignalsSequence
    let logger: Logger

    func run() async throws {
        for await _ in hangUps.cancelOnGracefulShutdown() { reload() }
    }

    private func reload() {
        guard let folder = settings.catalogueFolder else {
            return logger.notice("SIGHUP: no EventTracking.Catalog is configured, so there is nothing to read again")
        }
        do {
            let next = try CatalogueFolder.catalogue(folder, unknownEvents: settings.unknownEvents)
            current.replace(with: next)
            logger.notice("the catalogue was read again", metadata: ["folder": "\(folder)", "events": "\(next.events.count)"])
        } catch {
            logger.error(
                "the catalogue was not replaced, for it is broken; the one before stays",
                metadata: ["folder": "\(folder)", "reason": "\(error)"])
        }
    }
}
