import CMalloc
import Dispatch
import Synchronization

/// Gives memory back to the system that the allocator keeps between what is in use: it would take more for those who come
/// next. That is after most connections have left, and whenever much is spare: one connection may have cost as much as
/// thousands.
struct MemoryRelief {
    private var peak = 0

    /// Fewer are not worth the work.
    private static let departures = 256
    private static let spareBytes = 64 << 20
    /// Seconds between two looks at what is spare.
    private static let lookEvery = 60

    /// Called once a second with how many connections are open. True when half of those are gone that were open at once.
    mutating func isDue(open: Int) -> Bool {
        peak = max(peak, open)
        guard peak - open >= Self.departures, open <= peak / 2 else { return false }
        peak = open
        return true
    }

    /// Whether it is time to look at what is spare, `seconds` after the start.
    static func looks(at seconds: Int) -> Bool { seconds > 0 && seconds % lookEvery == 0 }

    /// Whether so many spare bytes beside those in use are worth being given back.
    static func isWorth(spare: Int, used: Int) -> Bool { spare >= spareBytes && spare >= used / 2 }

    private static let isRunning = Atomic(false)

    /// Walks the allocator's free lists on a thread of its own, once at a time for the whole process. An event loop that
    /// asks for memory meanwhile may have to wait for some milliseconds.
    static func run() { inBackground(needletail_trim) }

    /// The same only where enough is spare.
    static func look() { inBackground { giveBackIfWorth() } }

    static func giveBackIfWorth() {
        let heap = needletail_heap_now()
        if isWorth(spare: Int(clamping: heap.spare), used: Int(clamping: heap.used)) { needletail_trim() }
    }

    private static func inBackground(_ work: @escaping @Sendable () -> Void) {
        guard isRunning.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        DispatchQueue.global(qos: .utility).async {
            work()
            isRunning.store(false, ordering: .relaxed)
        }
    }
}
