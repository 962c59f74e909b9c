internal import EventLog
package import LogStorage
package import Logging
internal import KafkaProtocol
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Serves the log to Kafka's clients.
///
/// Owns: the socket, its event loops, and the threads that wait for the disk on behalf of clients. Started by `start`, ended by `stop`.
package final class KafkaListener: Sendable {
    private let loops: MultiThreadedEventLoopGroup
    private let workers: NIOThreadPool
    private let channel: any Channel
    private let fetch: FetchHandler
    private let connections: OpenConnections
    private let allGroups: Groups
    package let meters: BrokerMeters

    private static let loopThreads = 2
    private static let workerThreads = 4
    private static let backlog: Int32 = 256
    private static let readBytesMax = 256 << 10
    /// Answers that wait to be sent, above which no request is served.
    private static let unsentBytes = 64 << 10..<1 << 20

    /// Reads what groups have committed, and listens.
    ///
    /// - Parameters:
    ///   - reservePartitions: keeps descriptors for partitions that are about to be made; false: there are too few.
    ///   - now: milliseconds since 1970.
    ///   - uptime: milliseconds by a clock that is never set.
    /// - Throws: `LogError`, `IOError` where the address cannot be had, `NIOSSLError` and others where the certificate cannot be used.
    package static func start(
        log: EmbeddedLog, settings: BrokerSettings, builtIn: any BuiltInGroups,
        reservePartitions: @escaping @Sendable (Int) -> Bool, logger: Logger,
        now: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Int64
    ) async throws -> KafkaListener {
        let tls = try settings.tls.map(Self.context)
        let store = OffsetStore(log: log, now: now)
        try await store.open()
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: loopThreads)
        let workers = NIOThreadPool(numberOfThreads: workerThreads)
        workers.start()
        let broker = Broker(log: log, settings: settings, workers: workers, reservePartitions: reservePartitions, now: now)
        let timers = loops.next()
        let fetch = FetchHandler(broker: broker, timers: timers)
        let groups = Groups(
            coordinator: GroupCoordinator(limits: settings.limits, timers: timers, uptime: uptime), store: store, builtIn: builtIn
        )
        let router = RequestRouter(broker: broker, groups: groups, fetch: fetch)
        let connections = OpenConnections(max: settings.limits.connectionsMax)
        do {
            let channel = try await ServerBootstrap(group: loops)
                .serverChannelOption(.backlog, value: backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 4096, maximum: readBytesMax)
                )
                .childChannelOption(
                    .writeBufferWaterMark, value: .init(low: unsentBytes.lowerBound, high: unsentBytes.upperBound)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard connections.add(channel) else {
                            broker.meters.refused()
                            return channel.close(promise: nil)
                        }
                        broker.meters.accepted()
                        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                        try channel.pipeline.syncOperations.addHandler(
                            IdleStateHandler(allTimeout: .seconds(Int64(settings.limits.idleSecondsMax))))
                        try channel.pipeline.syncOperations.addHandler(IdleConnectionHandler())
                        try channel.pipeline.syncOperations.addHandler(ConnectionHandler(router: router, logger: logger))
                    }
                }
                .bind(host: settings.host, port: settings.port).get()
            fetch.start()
            timers.scheduleRepeatedTask(initialDelay: .hours(1), delay: .hours(1)) { _ in Task { await groups.expire(now: now()) }
            }
            return KafkaListener(
                loops: loops, workers: workers, channel: channel, fetch: fetch, connections: connections, groups: groups,
                meters: broker.meters)
        } catch {
            try? await workers.shutdownGracefully()
            try? await loops.shutdownGracefully()
            throw error
        }
    }

    private init(
        loops: MultiThreadedEventLoopGroup, workers: NIOThreadPool, channel: any Channel, fetch: FetchHandler,
        connections: OpenConnections, groups: Groups, meters: BrokerMeters
    ) {
        self.loops = loops
        self.workers = workers
        self.channel = channel
        self.fetch = fetch
        self.connections = connections
        allGroups = groups
        self.meters = meters
    }

    private static func context(_ files: BrokerSettings.TLSFiles) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificateChain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.privateKey, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }

    /// The port that it listens on.
    package var port: Int { channel.localAddress?.port ?? 0 }

    package var connectionCount: Int { connections.count }

    /// The groups of clients.
    package var groups: [GroupOverview] { allGroups.ofClients }

    /// Closes the socket and all connections. What was appended and not answered is in the log or not, as a client must take it.
    package func stop() async {
        fetch.stop()
        try? await channel.close()
        await connections.closeAll()
        try? await workers.shutdownGracefully()
        try? await loops.shutdownGracefully()
    }
}

/// The connections that are open.
private final class OpenConnections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let max: Int

    init(max: Int) { self.max = max }

    var count: Int { channels.withLock { $0.count } }

    /// False: there are as many as may be.
    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdded = channels.withLock { channels in
            if channels.count >= max { return false }
            channels[id] = channel
            return true
        }
        if isAdded { channel.closeFuture.whenComplete { [self] _ in channels.withLock { _ = $0.removeValue(forKey: id) } } }
        return isAdded
    }

    func closeAll() async {
        for channel in channels.withLock({ Array($0.values) }) { try? await channel.close() }
    }
}

/// Ends a connection over which nothing has gone for long.
private final class IdleConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
