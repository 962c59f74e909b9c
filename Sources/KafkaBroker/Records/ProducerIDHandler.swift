internal import KafkaProtocol

/// Gives producers the numbers by which their batches are known when they come again.
struct ProducerIDHandler: RequestHandler {
    func handle(_ message: InitProducerIDRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = InitProducerIDResponse()
        if message.transactionalID != nil {
            response.error = .transactionalIDAuthorizationFailed
        } else if message.producerID >= 0, (0..<Int16.max - 1).contains(message.producerEpoch) {
            // It begins anew after a failure (KIP-360).
            response.producerID = message.producerID
            response.producerEpoch = message.producerEpoch + 1
        } else {
            // So large a number by chance is nobody else's, and nothing has to be kept for that.
            response.producerID = Int64.random(in: 0...Int64.max)
        }
        if response.error != .none { response.producerEpoch = -1 }
        answer(Answer(response, to: request.header))
    }
}
