import Foundation

/// Dates of playlists, by Foundation: a second implementation beside that of the parser.
enum DateText {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// Microseconds since 1970.
    static func read(_ text: some StringProtocol) -> Int64? {
        (try? style.parse(String(text))).map { Int64(($0.timeIntervalSince1970 * 1_000).rounded()) * 1_000 }
    }

    static func write(_ microseconds: Int64) -> String {
        style.format(Date(timeIntervalSince1970: Double(microseconds) / 1e6))
    }
}
