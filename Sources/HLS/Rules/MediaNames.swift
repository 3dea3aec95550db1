/// Names of media that follow from those seen.
package enum MediaNames {
    /// The URI two steps after `next`, where `next` differs from `last` by one in its last number: `7.4.m4s` after `7.3.m4s`
    /// gives `7.5.m4s`. Nil where names are not counted so.
    package static func following(_ next: String, after last: String) -> String? {
        guard let (head, number, tail) = split(next), let (lastHead, lastNumber, lastTail) = split(last),
            head == lastHead, tail == lastTail, number == lastNumber + 1
        else { return nil }
        return "\(head)\(number + 1)\(tail)"
    }

    /// Whether `next` is named as the one after `last`; nil where names are not counted so.
    static func follows(_ next: String, after last: String) -> Bool? {
        guard let (head, number, tail) = split(next), let (lastHead, lastNumber, lastTail) = split(last),
            tail == lastTail
        else { return nil }
        return head == lastHead && number == lastNumber + 1
    }

    /// Around the last number before the file's extension.
    private static func split(_ uri: String) -> (head: Substring, number: Int, tail: Substring)? {
        let dot = uri.lastIndex(of: ".") ?? uri.endIndex
        let digits = uri[..<dot].reversed().prefix(while: \.isNumber).count
        guard digits > 0, digits < 16 else { return nil }
        let start = uri.index(dot, offsetBy: -digits)
        guard let number = Int(uri[start..<dot]) else { return nil }
        return (uri[..<start], number, uri[dot...])
    }
}
