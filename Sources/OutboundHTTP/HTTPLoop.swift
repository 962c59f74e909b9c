internal import CCurl
internal import Foundation
internal import Glibc
internal import Synchronization

/// The thread on which libcurl sends and receives, for all requests of a client.
final class HTTPLoop: @unchecked Sendable {
    // Sendable: `running` is the thread's own, the rest is behind the mutex; libcurl lets any thread wake it.

    private struct State {
        var coming: [HTTPTransfer] = []
        var isClosed = false
    }

    /// It is woken for everything that is to be done.
    private static let waitMillisecondsMax: Int32 = 10_000

    private let options: HTTPClient.Options
    private let state = Mutex(State())
    /// libcurl's own; nil: there was no memory for it.
    private let handle: UnsafeMutableRawPointer?
    private var running: [ObjectIdentifier: HTTPTransfer] = [:]

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ options: HTTPClient.Options) {
        self.options = options
        handle = Self.isReady ? curl_multi_init() : nil
        if handle == nil { return }
        _ = okla_curl_multi_set_number(handle, CURLMOPT_MAX_HOST_CONNECTIONS, options.connectionsMax)
        _ = okla_curl_multi_set_number(handle, CURLMOPT_MAXCONNECTS, options.connectionsMax)
        Thread.detachNewThread { self.run() }
    }

    // Behind the thread's end, and when nobody can wake it any more.
    deinit { curl_multi_cleanup(handle) }

    func start(_ transfer: HTTPTransfer) {
        guard handle != nil else { return transfer.end(HTTPFailure("there is no memory for libcurl")) }
        let isTaken = state.withLock { state in
            if !state.isClosed { state.coming.append(transfer) }
            return !state.isClosed
        }
        guard isTaken else { return transfer.end(Self.closed) }
        curl_multi_wakeup(handle)
    }

    private static let closed = HTTPFailure("the client is closed")

    func cancel(_ transfer: HTTPTransfer) {
        transfer.isCancelled.store(true, ordering: .relaxed)
        curl_multi_wakeup(handle)
    }

    func close() {
        state.withLock { $0.isClosed = true }
        curl_multi_wakeup(handle)
    }

    // MARK: The thread

    private func run() {
        // Of this thread alone, on Linux.
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, options.niceness)
        while true {
            let (coming, isClosed) = state.withLock { state in
                defer { state.coming = [] }
                return (state.coming, state.isClosed)
            }
            coming.forEach(begin)
            for transfer in running.values where isClosed || transfer.isCancelled.load(ordering: .relaxed) {
                remove(transfer)
                transfer.end(Self.closed)
            }
            if isClosed { return }
            var count: Int32 = 0
            curl_multi_perform(handle, &count)
            var result = CURLE_OK
            while let owner = okla_curl_next_done(handle, &result) {
                let transfer = Unmanaged<HTTPTransfer>.fromOpaque(owner).takeUnretainedValue()
                remove(transfer)
                transfer.end(result)
            }
            curl_multi_poll(handle, nil, 0, Self.waitMillisecondsMax, nil)
        }
    }

    private func begin(_ transfer: HTTPTransfer) {
        do throws(HTTPFailure) {
            try transfer.prepare(connect: options.connect, idle: options.idle)
            let code = curl_multi_add_handle(handle, transfer.handle)
            guard code == CURLM_OK else { throw HTTPFailure(String(cString: curl_multi_strerror(code))) }
            running[ObjectIdentifier(transfer)] = transfer
        } catch {
            transfer.end(error)
        }
    }

    private func remove(_ transfer: HTTPTransfer) {
        curl_multi_remove_handle(handle, transfer.handle)
        running[ObjectIdentifier(transfer)] = nil
    }
}
