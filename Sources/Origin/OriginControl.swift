import NIOCore
import Synchronization
import Wire

/// Changes the settings of an origin that runs.
package final class OriginControl: Sendable {
    struct Parts {
        let hub: ChannelHub
        let registry: ConnectionRegistry
    }

    private let parts = Mutex<NIOLoopBound<Parts>?>(nil)
    private let drainTime: Mutex<Duration>

    package init(_ settings: OriginSettings) { drainTime = Mutex(settings.drainTimeout) }

    var drainTimeout: Duration { drainTime.withLock { $0 } }

    func run(_ bound: NIOLoopBound<Parts>) { parts.withLock { $0 = bound } }

    /// Puts in force what can change: stream keys and new channels, limits, the time to drain. Connections that are open keep
    /// the limits that they came with.
    package func apply(_ settings: OriginSettings) async {
        drainTime.withLock { $0 = settings.drainTimeout }
        guard let bound = parts.withLock({ $0 }) else { return }
        try? await bound.eventLoop.submit {
            bound.value.registry.limits = settings.serverLimits
            bound.value.hub.parking.limits = settings.parking
            bound.value.hub.apply(settings.channels)
        }.get()
    }
}
