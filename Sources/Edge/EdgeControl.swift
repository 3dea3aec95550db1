import NIOCore
import Synchronization

/// Changes the settings of an edge that runs.
package final class EdgeControl: Sendable {
    private let planes = Mutex<EdgePlanes?>(nil)
    private let drainTime: Mutex<Duration>

    package init(_ settings: EdgeSettings) { drainTime = Mutex(settings.drainTimeout) }

    var drainTimeout: Duration { drainTime.withLock { $0 } }

    func run(_ planes: EdgePlanes) { self.planes.withLock { $0 = planes } }

    /// Puts in force what can change: limits, budgets, the player, the time to drain. Connections that are open keep the
    /// limits that they came with.
    package func apply(_ settings: EdgeSettings, player: ByteBuffer?) async {
        drainTime.withLock { $0 = settings.drainTimeout }
        let watchPage = WatchPage(settings, player: player)
        await planes.withLock { $0 }?.forEach { $0.apply(settings, watchPage: watchPage) }
    }
}
