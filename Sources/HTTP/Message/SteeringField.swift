/// A field by which a request says what a cache is to do with it, or a message how far it may go: most requests have none.
enum SteeringField {
    /// False for lengths that none of these names has: a look at a number instead of at bytes.
    static func hasLength(_ count: Int) -> Bool {
        switch count {
        case 3, 5, 6, 8, 12, 13, 17, 19: true
        default: false
        }
    }

    /// `name` in lower case.
    static func isOne(_ name: HTTPBytes) -> Bool {
        switch name.count {
        case 3: name.isEqual(to: "via")
        case 5: name.isEqual(to: "range")
        case 6: name.isEqual(to: "pragma") || name.isEqual(to: "expect")
        case 8: name.isEqual(to: "if-match") || name.isEqual(to: "if-range")
        case 12: name.isEqual(to: "max-forwards")
        case 13: name.isEqual(to: "cache-control") || name.isEqual(to: "if-none-match")
        case 17: name.isEqual(to: "if-modified-since")
        case 19: name.isEqual(to: "if-unmodified-since")
        default: false
        }
    }
}
