internal import AdminAPI
internal import Collector
internal import EventLog
internal import EventModel
internal import Exporters
internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import Ingestion
package import Logging
internal import LogStorage
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The whole service: the listener first, so that health can be asked at once; the log behind it, which may take a while to
/// recover. It ends in the opposite order: the listener closes, requests in flight finish, the log commits and closes.
package struct EventTrackingService: Sendable {
    private let settings: Settings
    private let logger: Logger
    /// Prints one line to standard output.
    private let announce: @Sendable (String) -> Void

    package init(settings: Settings, logger: Logger, announce: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.logger = logger
        self.announce = announce
    }

    /// Runs until SIGTERM or SIGINT.
    package func run() async throws {
        // A library that writes to a socket whose other side is gone is told so, and that is all.
        signal(SIGPIPE, SIG_IGN)
        // From here on it ends nobody; one that comes while the service starts has the catalogue read again when it has started.
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        let descriptorLimit = Int(clamping: DescriptorLimit.raise())
        let dataDirectory = try prepareDataDirectory()
        defer { if settings.isEphemeral { try? FileManager.default.removeItem(atPath: dataDirectory) } }
        let directory = LogDirectory("\(dataDirectory)/log")
        // Before anything listens or is written: two services must never share a data directory.
        try directory.refuseIfInUse()
        let (keys, admin) = try await access(dataDirectory)
        let catalogue = CurrentCatalogue(
            try CatalogueFolder.catalogue(settings.catalogueFolder, unknownEvents: settings.unknownEvents))

        let status = ServiceStatus()
        let router = Router(context: CollectorContext.self)
        let cors = CORS(keys: keys)
        router.add(middleware: cors)
        router.add(middleware: ErrorBodies())
        HealthRoutes(status: status).add(to: router)
        SDKRoutes(assets: SDKRelease.assets).add(to: router)
        let metrics = Metrics()
        metrics.add(ProcessMetrics())
        MetricsRoutes(
            isPublic: settings.areMetricsPublic, isAdmin: { await admin.isGranted($0, peer: $1.clientAddress) },
            text: metrics.text
        ).add(to: router)
        let services = AdminServices()
        AdminRoutes(services: services).add(to: router.group("/api/admin").add(middleware: AdminGate(admin)))

        let announcement = ReadyAnnouncement { [announce, settings] port, kafka in
            announce(Self.readyLine(host: settings.host, port: port, kafka: kafka, dataDirectory: dataDirectory))
        }
        let descriptors = DescriptorBudget(
            limit: descriptorLimit, partitionCount: 2 * settings.partitionCount + partitionsMadeLater(directory),
            segmentCount: DescriptorBudget.countSegments(directory.path),
            otherCount: ConsumerGroups.descriptorsMax + KafkaService.descriptorsMax(settings, limit: descriptorLimit)
                + settings.exporters.reduce(0) { $0 + type(of: $1).descriptorsMax })
        let limits = connectionLimits(descriptors)
        let eventLoops = EventLoopGroupProvider.singleton
        let watches = ConnectionWatches(
            limits: limits, loopCount: eventLoops.eventLoopGroup.makeIterator().reduce(0) { count, _ in count + 1 },
            wallClock: ServiceClock.wall)
        let edge = EventsEdge(
            status: status, limits: settings.limits, cors: cors, proxies: settings.trustedProxies)
        let slots = ConnectionSlots(limits: limits, descriptorsFor: descriptors.connectionsMax)
        let application = Application(
            router: router,
            server: HTTPServerBuilder { CollectorChannel(responder: $0, watches: watches, edge: edge) },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: nil, backlog: limits.backlog,
                availableConnectionsDelegate: slots),
            onServerRunning: { channel in
                await limits.apply(toListener: channel)
                announcement.listening(on: channel.localAddress?.port ?? settings.port)
            },
            eventLoopGroupProvider: eventLoops,
            logger: logger)
        let engine = LogService(
            settings: settings, directory: directory, dataDirectory: dataDirectory, keys: keys, catalogue: catalogue,
            status: status, metrics: metrics, descriptors: descriptors, admin: services, logger: logger,
            onReady: announcement.logIsOpen)
        // In dependency order: what comes later is shut down earlier.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: CatalogueReload(settings: settings, current: catalogue, hangUps: hangUps, logger: logger)),
                    .init(service: engine),
                    .init(service: application, successTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let error as IOError {
            throw ConfigurationError(
                "cannot listen on \(settings.host):\(settings.port): \(String(cString: strerror(error.errnoCode))); "
                    + "choose another address with --host and --port")
        }
    }

    private func connectionLimits(_ descriptors: DescriptorBudget) -> ConnectionLimits {
        var limits = ConnectionLimits(
            bodyBytesMax: IngestEndpoint.allCases.map { settings.limits.at($0).payloadBytes }.max() ?? 0,
            usualBodyBytesMax: settings.limits.payloadBytes)
        limits.connectionsMax = max(
            limits.connectionsMin, min(limits.connectionsMax, descriptors.connectionsMax(open: 0)))
        return limits
    }

    /// Of topics that were made while the service ran.
    private func partitionsMadeLater(_ directory: LogDirectory) -> Int {
        let own = [settings.topic, Settings.rejectedTopic, Settings.derivedTopic]
        // What cannot be read ends the start when the log is opened.
        let topics = (try? directory.meta())?.topics ?? []
        return topics.reduce(0) { $0 + (own.contains($1.name.text) ? 0 : $1.partitionCount) }
    }

    private func prepareDataDirectory() throws -> String {
        let path =
            settings.isEphemeral
            ? FileManager.default.temporaryDirectory.appendingPathComponent("okla-events-\(UUID().uuidString)").path
            : settings.dataDirectory
        try DataDirectory.make(path)
        return URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// The configured keys and admin token, and in place of what is not configured what was made for this data directory.
    private func access(_ dataDirectory: String) async throws -> (keys: WriteKeyRing, admin: AdminAccess) {
        let tokens = try await settings.jwt.verifier()
        func admin(_ token: String) -> AdminAccess {
            AdminAccess(
                token: token, tokens: tokens, proxies: settings.trustedProxies,
                attempts: FailedAttempts(clock: SteadyClock.nanoseconds))
        }
        if !settings.writeKeys.isEmpty, let token = settings.adminToken {
            return (WriteKeyRing(settings.writeKeys), admin(token))
        }
        let (credentials, isNew): (Credentials, Bool)
        do {
            (credentials, isNew) = try Credentials.load(dataDirectory: dataDirectory)
        } catch  where !settings.writeKeys.isEmpty {
            // Events are taken also where the disk is full.
            logger.warning(
                "nobody can administer this service until it is started again, for no admin token is configured and none can be made",
                metadata: ["reason": "\(error)"])
            return (WriteKeyRing(settings.writeKeys), admin(Credentials.unkept().adminToken))
        }
        if isNew {
            var made: Logger.Metadata = ["file": "\(dataDirectory)/\(Credentials.fileName)"]
            if settings.writeKeys.isEmpty { made["writeKey"] = "\(credentials.writeKey)" }
            if settings.adminToken == nil { made["adminToken"] = "\(credentials.adminToken)" }
            logger.notice(
                "made for this data directory, as none is configured; this is the only time that it is shown", metadata: made)
        }
        let keys = settings.writeKeys.isEmpty ? [WriteKey(key: credentials.writeKey)] : settings.writeKeys
        return (WriteKeyRing(keys), admin(settings.adminToken ?? credentials.adminToken))
    }

    private static func readyLine(host: String, port: Int, kafka: String?, dataDirectory: String) -> String {
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return "{\"ready\":true,\"http\":\"http://\(shownHost):\(port)\",\"kafka\":"
            + "\(kafka.map { json($0) } ?? "null"),\"dataDir\":\(json(dataDirectory))}"
    }

    private static func json(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A String always encodes.
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
