import HLS
import HTTP
import NIOCore

/// A GET that a lint wants made.
package struct LintRequest: Sendable, Equatable {
    package let id: Int
    package let url: WebAddress
    /// Whether gzip is accepted: for playlists.
    package let acceptsGzip: Bool
    /// First and last byte, where a part is a range of a larger resource.
    package let range: ClosedRange<Int64>?
}

/// What came of it.
package struct LintAnswer: Sendable {
    package let id: Int
    package var status: UInt16 = 0
    package var fields = HTTPFields()
    /// As it was sent: not decoded.
    package var body = ByteBuffer()
    /// Moments since the beginning of the watch: of the head, of the body's first byte, of its end.
    package var headAt: Duration = .zero
    package var firstByteAt: Duration?
    package var endAt: Duration = .zero
    /// Why there is no whole answer; nil when there is.
    package var failure: String?
    /// The connection broke before the answer was whole.
    package var isConnectionLost = false

    package init(id: Int) { self.id = id }
}

/// What the runner of a lint is to do.
package enum LintEffect: Sendable, Equatable {
    case send(LintRequest)
    /// Nobody wants the answer any more; none is to be told.
    case cancel(Int)
    /// The report is ready.
    case finished
}

/// How a lint is to be made.
package struct LintSettings: Sendable {
    /// How long to watch.
    package var duration: Duration = .seconds(20)
    /// Ends sooner, once every rendition has been seen in so many states; nil for the whole duration.
    package var states: Int?
    /// What the network and both machines may add to a time that a rule sets.
    package var slack: Duration = .milliseconds(250)
    /// How long to ask again where there is no stream yet.
    package var wait: Duration = .zero

    package init() {}
}

/// Why a request was made.
enum Ask: Equatable {
    case multivariant
    /// The same once more, as another viewer would ask.
    case multivariantTwin
    /// A playlist without directives.
    case plain
    /// The next step of the watch: this part or anything later.
    case reload(MediaPosition)
    /// The same with `_HLS_skip`.
    case delta(MediaPosition, String)
    /// The reload once more, or where a server does not hold, the playlist, as another viewer would ask.
    case twin(MediaPosition?)
    case probe(Probe)
    /// Media by the key of its URI and range.
    case initSection(String)
    case part(String)
    case hint(String)
    case segment(Int64)
    /// A part once more.
    case again(String)
    /// Media that is not listed any more, or not for long: what it is, in words.
    case stays(String)

    var isPlaylist: Bool {
        switch self {
        case .multivariant, .multivariantTwin, .plain, .reload, .delta, .twin: true
        case .probe(let probe): probe.query != nil
        default: false
        }
    }

    /// Of media that is there: who asks for it asks once more where the connection broke.
    var isRepeatable: Bool {
        switch self {
        case .initSection, .part, .segment, .stays: true
        default: false
        }
    }

    /// Waits for what is to come: given up when the watch ends.
    var isHeld: Bool {
        switch self {
        case .reload, .delta, .twin, .hint, .probe: true
        default: false
        }
    }
}

extension MediaPosition {
    /// The directives that ask for it (6.2.5.2).
    var query: String { "_HLS_msn=\(sequence)&_HLS_part=\(part)" }
    var text: String { "\(sequence).\(part)" }
}
