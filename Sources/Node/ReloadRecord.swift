import Prometheus
import Synchronization

/// How reading the configuration went, as the metrics tell it.
package final class ReloadRecord: Sendable {
    private struct State {
        var isSuccessful = true
        var succeededAt: Int64
    }

    private let state: Mutex<State>

    /// The configuration with which the node starts counts as read at `unixSeconds`.
    package init(at unixSeconds: Int64) { state = Mutex(State(succeededAt: unixSeconds)) }

    package func succeeded(at unixSeconds: Int64) {
        state.withLock { $0 = State(isSuccessful: true, succeededAt: unixSeconds) }
    }

    package func failed() { state.withLock { $0.isSuccessful = false } }

    /// Their names are promises; Prometheus has the same for itself.
    func write(into text: inout ExpositionText) {
        let (isSuccessful, succeededAt) = state.withLock { ($0.isSuccessful, $0.succeededAt) }
        text.family(
            "needletail_config_last_reload_successful", .gauge,
            help: "1 if the configuration was sound when it was last read, at the start or at SIGHUP.")
        text.sample("needletail_config_last_reload_successful", isSuccessful ? UInt64(1) : 0)
        text.family(
            "needletail_config_last_reload_success_timestamp_seconds", .gauge,
            help: "When the configuration in force was read, in seconds since 1970.")
        text.sample("needletail_config_last_reload_success_timestamp_seconds", UInt64(clamping: succeededAt))
    }
}
