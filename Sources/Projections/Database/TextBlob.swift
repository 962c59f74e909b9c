internal import Foundation

/// Texts as the tables have them: as BLOBs, since an id may have any character, U+0000 too, at which SQLite's texts end.
enum TextBlob {
    static func data(_ text: String) -> Data { Data(text.utf8) }
    static func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }
}
