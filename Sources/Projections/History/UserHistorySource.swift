internal import EventModel

/// Records of one key that belong to a user: those of their own id, or of an alias while it was theirs.
struct UserHistorySource {
    /// Which records of the key are meant.
    enum Members {
        /// That name the key as their user.
        case identified
        /// That name it as their anonymous id and have no user.
        case anonymous
        case both
    }

    let key: ExactText
    let partition: Int
    let members: Members
    var places: UserIndex.Places?
    /// Offsets that were found and not read yet, falling.
    var found: ArraySlice<Int64> = []
    var head: Candidate?

    /// A record that comes next of this source.
    struct Candidate {
        let time: Int64
        let offset: Int64
        /// nil: it is not one of those that are wanted.
        let json: [UInt8]?
    }

    /// Whether an event is one of those that are meant.
    func takes(_ event: JSONValue) -> Bool {
        let user = event.member("userId")
        let isIdentified = user.map { !$0.isNull } ?? false
        switch members {
        case .identified: return isIdentified && user?.string.map(ExactText.init) == key
        case .anonymous: return !isIdentified
        case .both: return true
        }
    }
}
