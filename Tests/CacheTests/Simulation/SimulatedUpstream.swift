import NIOCore
import Seeded

/// What there is to be fetched: objects, some of which come in two kinds that their Vary tells apart, in versions that
/// are not the same bytes.
struct Asset: Hashable {
    let path: String
    let kind: Int

    var isLive: Bool { path.hasPrefix("/live/") }
    var name: String { "\(path)#\(kind)" }

    /// Objects by number: live ones, plain ones, and ones that vary.
    static func path(_ number: Int) -> String { number < 5 ? "/live/c/\(number)" : "/vod/\(number)" }
    static func varies(_ path: String) -> Bool { path == "/vod/9" || path == "/vod/10" }
    static let count = 11
}

/// How an upstream brings an answer.
enum Course: CaseIterable {
    case prompt, lateHead, trickling, silentBeforeHead, silentInBody, diesBeforeHead, diesInBody

    static func random(using random: inout SeededGenerator) -> Course {
        switch Int.random(in: 0..<24, using: &random) {
        case 0...1: .lateHead
        case 2...3: .trickling
        case 4: .silentBeforeHead
        case 5: .silentInBody
        case 6...7: .diesBeforeHead
        case 8...9: .diesInBody
        default: .prompt
        }
    }

    /// Until the first word of an answer.
    func timeToHead(using random: inout SeededGenerator) -> Duration {
        switch self {
        case .lateHead: .milliseconds(Int.random(in: 1_000...12_000, using: &random))
        case .silentBeforeHead: SimulatedFetch.longestSilence
        default: .milliseconds(Int.random(in: 5...400, using: &random))
        }
    }

    /// Between two pieces of a body, of which there are no more than `SimulatedFetch.mostPieces`.
    func timeToPiece(using random: inout SeededGenerator) -> Duration {
        switch self {
        case .trickling: .milliseconds(Int.random(in: 400...5_000, using: &random))
        default: .milliseconds(Int.random(in: 1...120, using: &random))
        }
    }
}

/// One fetch or push under way, seen from outside the store.
struct SimulatedFetch {
    let asset: Asset
    /// The validator that it was asked with.
    let validator: String?
    var course: Course
    /// When its next word comes.
    var due: ContinuousClock.Instant
    var attempts = 1
    /// The version that it brings; nil before its head.
    var version: Int?
    var pieces = 0
    var sentBytes = 0
    /// Whether others may have what it brings.
    var isShared = true

    var hasHead: Bool { version != nil }

    /// A fetch is given up when it says nothing for this long.
    static let longestSilence = Duration.seconds(20)
    static let mostPieces = 6
    /// No waiter waits for longer: two silent upstreams, then a body that trickles and falls silent.
    static let longestWait = longestSilence * 3 + .seconds(5) * mostPieces
}
