internal import KafkaProtocol

/// Serves the requests of one kind.
protocol RequestHandler: Sendable {
    associatedtype Message: KafkaMessage

    /// - Parameter answer: to be called once, on any thread.
    func handle(_ message: Message, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void)
}

extension RequestHandler {
    /// Decodes the request and serves it.
    func serve(_ request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        do throws(KafkaProtocolError) {
            handle(try request.decode(Message.self), of: request, answer)
        } catch {
            answer(request.malformed(error))
        }
    }
}

extension Request {
    /// The answer where the bytes are no message.
    func malformed(_ error: KafkaProtocolError) -> Answer {
        .close("a request \(header.api) of version \(header.version): \(error)")
    }
}
