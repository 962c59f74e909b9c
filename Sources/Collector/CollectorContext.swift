package import Hummingbird
internal import NIOCore

/// What a route knows of its request beside the request itself.
package struct CollectorContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The peer's address without its port.
    package let clientAddress: String

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        clientAddress = source.channel.remoteAddress?.ipAddress ?? "0.0.0.0"
    }
}
