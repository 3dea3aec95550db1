import NIOCore
import Node

/// The wall clock as it stood when the process began, and steady from there: a clock that is set must not look like a
/// publisher that stalled.
enum LiveClock {
    private static let start = (wall: WallClock.now(), steady: NIODeadline.now())

    /// Microseconds since 1970.
    static func now() -> Int64 { start.wall + (NIODeadline.now() - start.steady).nanoseconds / 1_000 }
}
