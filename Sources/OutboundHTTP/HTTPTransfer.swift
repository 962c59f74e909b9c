internal import CCurl
internal import Foundation
internal import Synchronization

/// One request on its way, and what has come of the answer.
final class HTTPTransfer: @unchecked Sendable {
    // Sendable: the loop's thread has it, but for `isCancelled`.

    let isCancelled = Atomic<Bool>(false)
    private let request: HTTPRequest
    private let continuation: CheckedContinuation<HTTPAnswer, any Error>
    /// libcurl's handle; nil: there was no memory for it.
    let handle = curl_easy_init()
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let error = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let body: UnsafeMutableRawBufferPointer
    private var answer: [UInt8] = []
    private var isTooLong = false

    init(_ request: HTTPRequest, _ continuation: CheckedContinuation<HTTPAnswer, any Error>) {
        self.request = request
        self.continuation = continuation
        error[0] = 0
        body = .allocate(byteCount: request.body.count, alignment: 1)
        body.copyBytes(from: request.body)
    }

    deinit {
        if let handle { curl_easy_cleanup(handle) }
        curl_slist_free_all(headers)
        error.deallocate()
        body.deallocate()
    }

    // MARK: The request

    /// - Throws: what of the request libcurl cannot send.
    func prepare(connect: Duration, idle: Duration) throws(HTTPFailure) {
        let owner = Unmanaged.passUnretained(self).toOpaque()
        try check(okla_curl_set_owner(handle, owner, error, Self.write))
        // No timeouts by signals, which would meet other threads.
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        // What is said of proxies in the environment is meant for others.
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_USERAGENT, "okla-events")
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try set(CURLOPT_CONNECTTIMEOUT_MS, Int(connect / .milliseconds(1)))
        try set(CURLOPT_TIMEOUT_MS, Int(request.timeout / .milliseconds(1)))
        try set(CURLOPT_MAXAGE_CONN, Int(idle / .seconds(1)))
        if let authorities = Self.authorities { try set(CURLOPT_CAINFO, authorities) }
        switch request.method {
        case .get: break
        case .delete: try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .post:
            try set(CURLOPT_POST, 1)
            try set(CURLOPT_UPLOAD_BUFFERSIZE, 1 << 20)
            try check(okla_curl_set_body(handle, body.baseAddress, body.count))
            // libcurl would ask before it sends much, and say that it is a form.
            add("Expect:")
            if !request.headers.contains(where: { $0.name == "Content-Type" }) { add("Content-Type:") }
        }
        for (name, value) in request.headers {
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                throw HTTPFailure("the header \(name) has a control character in its value")
            }
            add(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        try check(okla_curl_set_headers(handle, headers))
    }

    /// Whom to trust instead of those whom the system trusts, as OpenSSL's own tools are told.
    private static let authorities = ProcessInfo.processInfo.environment["SSL_CERT_FILE"]

    private func set(_ option: CURLoption, _ number: Int) throws(HTTPFailure) {
        try check(okla_curl_set_number(handle, option, number))
    }

    private func set(_ option: CURLoption, _ text: String) throws(HTTPFailure) {
        try check(okla_curl_set_text(handle, option, text))
    }

    private func check(_ code: CURLcode) throws(HTTPFailure) {
        if code != CURLE_OK { throw failure(code) }
    }

    private func add(_ header: String) { headers = curl_slist_append(headers, header) }

    // MARK: The answer

    private static let write: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
        bytes, size, count, owner in
        guard let bytes, let owner else { return 0 }
        let transfer = Unmanaged<HTTPTransfer>.fromOpaque(owner).takeUnretainedValue()
        guard transfer.answer.count + size * count <= transfer.request.answerBytesMax else {
            transfer.isTooLong = true
            return 0
        }
        transfer.answer += UnsafeRawBufferPointer(start: bytes, count: size * count)
        return size * count
    }

    func end(_ result: CURLcode) {
        guard result == CURLE_OK else { return end(failure(result)) }
        let seconds = okla_curl_retry_after(handle)
        continuation.resume(
            returning: HTTPAnswer(
                status: okla_curl_status(handle), body: answer, retryAfter: seconds > 0 ? .seconds(seconds) : nil))
    }

    func end(_ failure: HTTPFailure) {
        continuation.resume(throwing: isCancelled.load(ordering: .relaxed) ? CancellationError() : failure)
    }

    private func failure(_ code: CURLcode) -> HTTPFailure {
        if isTooLong { return HTTPFailure("the answer has more than \(request.answerBytesMax) bytes") }
        let text = String(cString: error)
        return HTTPFailure(text.isEmpty ? String(cString: curl_easy_strerror(code)) : text)
    }
}
