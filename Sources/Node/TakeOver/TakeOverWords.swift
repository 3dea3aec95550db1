/// What two processes say to each other while listening sockets change hands. Lines of text, so that another version
/// understands at least that it does not.
///
/// new: `take 1` · old: a line for each socket, its name, and an empty one, the descriptors beside it · new, once it can
/// accept on them: `ready` · old, once it does not any more: `left`. Meanwhile connections wait in the sockets' queues.
enum TakeOverWords {
    static let take = "take 1"
    static let ready = "ready"
    static let left = "left"

    static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    static func offer(_ names: [String]) -> [UInt8] { Array((names + ["", ""]).joined(separator: "\n").utf8) }

    /// The names once the offer is whole; nil before.
    static func names(in bytes: [UInt8]) throws(TakeOverFailure) -> [String]? {
        guard bytes.count <= 64 << 10 else { throw .unintelligible(String(decoding: bytes.prefix(80), as: UTF8.self)) }
        if bytes == [UInt8(ascii: "\n")] { return [] }
        guard bytes.suffix(2) == [UInt8(ascii: "\n"), UInt8(ascii: "\n")] else { return nil }
        return String(decoding: bytes.dropLast(2), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
