import HLS
import LoadtestCore
import NIOCore

/// Playlists by their bytes: a thousand viewers that got the same answer read it once. Each text is linted once too.
struct PlaylistLibrary {
    enum Reading {
        case multivariant(MultivariantPlaylist)
        case media(ListedPlaylist)
        case unreadable(String)
    }

    private struct Shelf {
        /// The last few texts, newest first.
        var books: [(bytes: ByteBuffer, reading: Reading)] = []
        /// The newest state, delta updates applied.
        var latest: MediaPlaylist?
    }

    private var shelves: [String: Shelf] = [:]
    private static let depth = 8

    /// Reads the body of a playlist whose path, without a query, is `path`. New violations are appended.
    mutating func read(_ bytes: ByteBuffer, path: String, into violations: inout [Violation]) -> Reading {
        var shelf = shelves[path] ?? Shelf()
        if let known = shelf.books.first(where: { $0.bytes == bytes }) { return known.reading }
        let reading = parse(bytes, path: path, shelf: &shelf, into: &violations)
        shelf.books.insert((bytes, reading), at: 0)
        if shelf.books.count > Self.depth { shelf.books.removeLast() }
        shelves[path] = shelf
        return reading
    }

    private func parse(
        _ bytes: ByteBuffer, path: String, shelf: inout Shelf, into violations: inout [Violation]
    ) -> Reading {
        let text = Array(bytes.readableBytesView)
        do throws(PlaylistError) {
            let playlist = try MediaPlaylist(parsing: text)
            // The rules are of the low-latency profile: a plain playlist is not held against them.
            if playlist.hasParts { lint(playlist, path: path, shelf: &shelf, into: &violations) }
            return .media(ListedPlaylist(playlist, path: path))
        } catch {
            do throws(PlaylistError) {
                return .multivariant(try MultivariantPlaylist(parsing: text))
            } catch {
                return .unreadable("\(error)")
            }
        }
    }

    private func lint(
        _ playlist: MediaPlaylist, path: String, shelf: inout Shelf, into violations: inout [Violation]
    ) {
        var results = PlaylistRules.check(playlist)
        var whole: MediaPlaylist? = playlist
        if playlist.skip != nil { whole = shelf.latest.flatMap { try? playlist.applied(to: $0) } }
        if let whole, let position = whole.position {
            if let latest = shelf.latest, let before = latest.position, before < position {
                results += PlaylistRules.check(from: latest, to: whole)
            }
            if shelf.latest?.position.map({ $0 <= position }) ?? true { shelf.latest = whole }
        }
        for result in results where !result.rule.isRecommendation {
            guard let finding = result.findings.first else { continue }
            violations.append(
                Violation(
                    rule: .playlist,
                    evidence: "\(path): \(result.rule.rawValue) (\(result.rule.section)): \(finding)"))
        }
    }
}
