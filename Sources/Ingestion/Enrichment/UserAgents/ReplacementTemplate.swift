/// A `*_replacement` of uap-core's rules: text with `$1` to `$9` for the groups of the match. A group that took no part is empty;
/// any other `$` is itself.
package struct ReplacementTemplate: Sendable, Equatable {
    private enum Piece: Equatable {
        case text([UInt8])
        case group(Int)
    }

    private let pieces: [Piece]

    package init(_ source: String) {
        let bytes = Array(source.utf8)
        var pieces: [Piece] = []
        var text: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let isGroup =
                bytes[place] == UInt8(ascii: "$") && place + 1 < bytes.count
                && (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(bytes[place + 1])
            guard isGroup else {
                text.append(bytes[place])
                place += 1
                continue
            }
            if !text.isEmpty { pieces.append(.text(text)) }
            text = []
            pieces.append(.group(Int(bytes[place + 1] - UInt8(ascii: "0"))))
            place += 2
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        self.pieces = pieces
    }

    /// Just what group `number` has.
    package init(group number: Int) {
        precondition((1...9).contains(number))
        pieces = [.group(number)]
    }

    package func filled(from match: PatternList.Match, in text: UnsafeRawBufferPointer) -> [UInt8] {
        var result: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let bytes): result += bytes
            case .group(let number): if let range = match.group(number) { result += text[range] }
            }
        }
        return result
    }
}
