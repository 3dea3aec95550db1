import LoadtestCore
import NIOCore
import Synchronization

/// What other threads may ask of a publisher.
final class PublishLedger: Sendable {
    struct State {
        var sentAt: [UInt32: NIODeadline] = [:]
        var acceptedAt: NIODeadline?
        var refusal: String?
        var latestLateness = Duration.zero
        /// How late each picture left, in microseconds.
        var lateness = LatencyHistogram()
        var isClosed = false
    }
    let state = Mutex(State())
}
