internal import Foundation

extension CheckpointStore {
    /// nil: nothing is kept.
    ///
    /// - Parameter isWhole: whether the parts go together.
    /// - Throws: where the store cannot be read, or holds something else.
    func load<State: Decodable>(_: State.Type, where isWhole: (State) -> Bool = { _ in true }) throws -> State? {
        guard let bytes = try load() else { return nil }
        guard let state = try? JSONDecoder().decode(State.self, from: Data(bytes)), isWhole(state) else {
            throw UnreadableCheckpoint(store: description)
        }
        return state
    }

    func save(_ state: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try save(Array(encoder.encode(state)))
    }
}

/// A file that is there and is not what was written.
struct UnreadableCheckpoint: Error, CustomStringConvertible {
    let store: String

    var description: String {
        "\(store) is not what was written there; restore it, or remove it to have everything exported again from the log's beginning"
    }
}
