/// JSON Pointers (RFC 6901).
enum JSONPointer {
    /// A name as it stands between two slashes.
    static func escaped(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        return String(
            name.flatMap { character -> String in
                switch character {
                case "~": "~0"
                case "/": "~1"
                default: String(character)
                }
            })
    }

    /// The tokens of a pointer, resolved; nil for a text that is none.
    static func tokens(_ pointer: String) -> [String]? {
        if pointer.isEmpty { return [] }
        guard pointer.hasPrefix("/") else { return nil }
        var tokens: [String] = []
        for token in pointer.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var name = ""
            var characters = token.makeIterator()
            while let character = characters.next() {
                guard character == "~" else {
                    name.append(character)
                    continue
                }
                switch characters.next() {
                case "0": name.append("~")
                case "1": name.append("/")
                default: return nil
                }
            }
            tokens.append(name)
        }
        return tokens
    }

    /// The pointer from `root` to `value`, which it contains. Found by walking down, so that nobody has to keep a path.
    static func path(to value: JSONValue, from root: JSONValue) -> String {
        var path = ""
        var here = root
        search: while here.index != value.index {
            if here.isObject {
                for (key, member) in here.members where member.contains(value) || key.index == value.index {
                    path += "/" + escaped(RepeatedName.shown(key.stringBytes))
                    if key.index == value.index { return path }
                    here = member
                    continue search
                }
            } else {
                for (number, element) in here.elements.enumerated() where element.contains(value) {
                    path += "/\(number)"
                    here = element
                    continue search
                }
            }
            preconditionFailure("the value is not below the root")
        }
        return path
    }
}

extension JSONValue {
    /// Whether `value`, of the same text, is this one or stands within it.
    fileprivate func contains(_ value: JSONValue) -> Bool { index <= value.index && value.index < Int(node.next) }

    /// The value at a pointer's token: an object's member or an array's element.
    func child(_ token: String) -> JSONValue? {
        if isObject {
            for (key, value) in members where key.string == token { return value }
            return nil
        }
        guard isArray, let number = Int(token), String(number) == token else { return nil }
        for (place, element) in elements.enumerated() where place == number { return element }
        return nil
    }
}
