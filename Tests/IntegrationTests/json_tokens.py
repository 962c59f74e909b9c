"""JSON as its tokens: a value is a token (bytes), a list of values, or an Object, which is a list of (token, value). So nothing that its
writer chose is lost: how a name is escaped, how a number is spelled, that a name stands twice."""
import json
import re
import sys

# Some values are nested deeper than Python goes by itself.
sys.setrecursionlimit(50_000)
TOKEN = re.compile(rb'[ \t\r\n]*("(?:[^"\\\x00-\x1f]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![0-9.eE+-])|true|false|null|[{}\[\]:,])')


class Object(list):
    """Members in their order; a name may stand twice."""

    def get(self, name):
        """The place of the last member of this name; None."""
        return next((place for place in reversed(range(len(self))) if text(self[place][0]) == name), None)

    def value(self, name):
        place = self.get(name)
        return None if place is None else self[place][1]

    def set(self, name, value):
        """Replaces the value of a member, or appends one."""
        place = self.get(name)
        if place is None:
            self.append((quoted(name), value))
        else:
            self[place] = (self[place][0], value)

    def has_twice(self, *names):
        return any(sum(text(name) == wanted for name, _ in self) > 1 for wanted in names)

    @property
    def has_name_twice(self):
        names = [text(name) for name, _ in self]
        return len(names) != len(set(names))


def text(token):
    return json.loads(token)


def quoted(value):
    return json.dumps(value).encode()


def is_text(value):
    return isinstance(value, bytes) and value[:1] == b'"'


def is_absent(value):
    return value is None or value == b"null"


def mended(token):
    """Half of a pair of surrogates becomes U+FFFD; it is always written as an escape."""
    result, place = b"", 0
    while place < len(token):
        if token[place:place + 1] != b"\\":
            result, place = result + token[place:place + 1], place + 1
            continue
        if token[place + 1:place + 2] != b"u":
            result, place = result + token[place:place + 2], place + 2
            continue
        unit, next_ = int(token[place + 2:place + 6], 16), token[place + 6:place + 12]
        if 0xD800 <= unit < 0xDC00 and re.fullmatch(rb"\\u[dD][c-fC-F]..", next_):
            result, place = result + token[place:place + 12], place + 12
            continue
        result += b"\\ufffd" if 0xD800 <= unit < 0xE000 else token[place:place + 6]
        place += 6
    return result


def mend(value):
    if isinstance(value, Object):
        return Object((mended(name), mend(member)) for name, member in value)
    if isinstance(value, list):
        return [mend(element) for element in value]
    return mended(value) if is_text(value) else value


# MARK: Reading

def tree(data):
    """The value that `data` is; fails where it is not JSON."""
    data.decode("utf-8")
    tokens, place = [], 0
    data = data.rstrip(b" \t\r\n")
    while place < len(data):
        found = TOKEN.match(data, place)
        assert found, f"not JSON at byte {place}: {data[place:place + 60]!r}"
        tokens.append(found[1])
        place = found.end()
    tokens.reverse()

    def value():
        token = tokens.pop()
        if token == b"[":
            elements = []
            if tokens[-1] == b"]":
                tokens.pop()
                return elements
            while True:
                elements.append(value())
                if (end := tokens.pop()) == b"]":
                    return elements
                assert end == b",", end
        if token == b"{":
            members = Object()
            if tokens[-1] == b"}":
                tokens.pop()
                return members
            while True:
                name = tokens.pop()
                assert name[:1] == b'"', name
                assert tokens.pop() == b":"
                members.append((name, value()))
                if (end := tokens.pop()) == b"}":
                    return members
                assert end == b",", end
        assert token not in (b"}", b"]", b",", b":"), token
        if token[:1] == b'"':
            json.loads(token)
        return token

    result = value()
    assert not tokens
    return result
