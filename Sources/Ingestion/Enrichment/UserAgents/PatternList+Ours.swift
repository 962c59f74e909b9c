extension PatternList {
    /// A list of patterns that is written in this project; none of them minds case.
    convenience init(ours patterns: [String], called name: String) throws(EnrichmentError) {
        do throws(Refusal) {
            try self.init(patterns.map { Pattern($0, ignoresCase: true) })
        } catch {
            let place = error.pattern.map { "pattern \(patterns[$0]) " } ?? ""
            throw EnrichmentError(
                "our own list of \(name): \(place)cannot be compiled: \(error.message). This is a defect of the service; report it."
            )
        }
    }
}
