/// Why a playlist cannot be read, and where.
package struct PlaylistError: Error, Equatable, CustomStringConvertible {
    /// One case per cause.
    package enum Reason: Equatable, Sendable {
        /// It does not begin with `#EXTM3U` (4.4.1.1).
        case noHeader
        /// A byte that is no UTF-8, or a control character (4.1).
        case notText
        case tooLarge(limit: Int)
        case lineTooLong(limit: Int)
        case tooMany(String, limit: Int)
        /// A tag of the other kind of playlist (4.1).
        case wrongKind(tag: String)
        case missingTag(String)
        case repeatedTag(String)
        /// A value that is not what its tag takes.
        case malformed(tag: String, value: String, expected: String)
        case missingAttribute(tag: String, name: String)
        case repeatedAttribute(tag: String, name: String)
        /// A tag where it cannot stand.
        case misplaced(tag: String, why: String)
        /// A URI line without the tag that must come before it.
        case uriWithoutTag(String)
    }

    /// From 1; 0 when no line is at fault.
    package let line: Int
    package let reason: Reason

    package init(line: Int, reason: Reason) {
        self.line = line
        self.reason = reason
    }

    package var description: String { line > 0 ? "line \(line): \(sentence)" : sentence }

    private var sentence: String {
        switch reason {
        case .noHeader: "a playlist begins with #EXTM3U; this is something else."
        case .notText: "not UTF-8 text, or a control character in it."
        case .tooLarge(let limit): "the playlist is larger than \(limit) bytes."
        case .lineTooLong(let limit): "the line is longer than \(limit) bytes."
        case .tooMany(let what, let limit): "more than \(limit) \(what)."
        case .wrongKind(let tag): "\(tag) belongs to the other kind of playlist, media or multivariant."
        case .missingTag(let tag): "\(tag) is missing."
        case .repeatedTag(let tag): "\(tag) stands here for the second time; it may stand once."
        case .malformed(let tag, let value, let expected): "\(tag) has \"\(value)\" where it needs \(expected)."
        case .missingAttribute(let tag, let name): "\(tag) needs the attribute \(name)."
        case .repeatedAttribute(let tag, let name): "\(tag) has the attribute \(name) twice."
        case .misplaced(let tag, let why): "\(tag) \(why)."
        case .uriWithoutTag(let tag): "a URI without \(tag) before it."
        }
    }
}

/// Bounds of what is read, far above any playlist that plays.
package enum PlaylistLimits {
    package static let bytes = 8 << 20
    package static let lineBytes = 16 << 10
    package static let segments = 50_000
    /// In one segment.
    package static let parts = 10_000
    package static let attributes = 64
    /// Reports, hints, date ranges, variants, renditions: of each.
    package static let entries = 1_000
}
