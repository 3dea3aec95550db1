#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Microseconds since 1970, the one clock of stamps and measurements.
enum RunClock {
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
