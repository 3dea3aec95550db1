#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A node's clock of the day, which PROGRAM-DATE-TIME and Age are told by.
package enum WallClock {
    /// Microseconds since 1970, UTC.
    package static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
