/// JSON Pointers (RFC 6901).
enum JSONPointer {
    /// A name as it stands between two slashes.
    static func escaped(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        var escaped = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": escaped += "~0".unicodeScalars
            case "/": escaped += "~1".unicodeScalars
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// The tokens of a pointer, resolved; nil for a text that is none.
    static func tokens(_ pointer: String) -> [ExactText]? {
        if pointer.isEmpty { return [] }
        guard pointer.unicodeScalars.first == "/" else { return nil }
        var tokens: [ExactText] = []
        for token in pointer.unicodeScalars.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var name = String.UnicodeScalarView()
            var scalars = token.makeIterator()
            while let scalar = scalars.next() {
                guard scalar == "~" else {
                    name.append(scalar)
                    continue
                }
                switch scalars.next() {
                case "0": name.append("~")
                case "1": name.append("/")
                default: return nil
                }
            }
            tokens.append(ExactText(String(name)))
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
    func child(_ token: ExactText) -> JSONValue? {
        if isObject {
            for (key, value) in members where key.equals(token) { return value }
            return nil
        }
        guard isArray, let number = Int(token.string), String(number) == token.string else { return nil }
        for (place, element) in elements.enumerated() where place == number { return element }
        return nil
    }
}
