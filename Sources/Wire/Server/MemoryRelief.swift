import CMalloc
import Dispatch
import Synchronization

/// Gives memory back to the system once most of the connections have left for which it was taken: the allocator keeps what
/// is freed between what is not, and would take more for those who come next.
struct MemoryRelief {
    private var peak = 0

    /// Fewer are not worth the work.
    private static let departures = 256

    /// Called now and then with how many connections are open. True when half of those are gone that were open at once.
    mutating func isDue(open: Int) -> Bool {
        peak = max(peak, open)
        guard peak - open >= Self.departures, open <= peak / 2 else { return false }
        peak = open
        return true
    }

    private static let isRunning = Atomic(false)

    /// Walks the allocator's free lists on a thread of its own, once at a time for the whole process. An event loop that
    /// asks for memory meanwhile may have to wait for some milliseconds.
    static func run() {
        guard isRunning.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        DispatchQueue.global(qos: .utility).async {
            needletail_trim()
            isRunning.store(false, ordering: .relaxed)
        }
    }
}
