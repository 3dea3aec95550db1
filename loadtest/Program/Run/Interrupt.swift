import Foundation
import Synchronization

/// Ctrl-C and SIGTERM, as a flag that the run looks at: the report is written and everything undone in either case.
enum Interrupt {
    private static let count = Atomic<Int>(0)

    static var isAsked: Bool { count.load(ordering: .relaxed) > 0 }

    static func listen() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in _ = Interrupt.count.add(1, ordering: .relaxed) }
            // A shell may have started us with these blocked.
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, number)
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
        }
    }
}
