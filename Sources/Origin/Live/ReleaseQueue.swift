import HTTP
import NIOCore
import Wire

/// Answers requests that have been released, group by group with one head and one body for each.
///
/// A turn of the event loop answers some hundred: between turns the loop takes in media and new requests, so that ten
/// thousand waiters of one channel do not hold up the others. Groups take turns, and within one the first to come is the
/// first to be answered.
final class ReleaseQueue {
    /// What all requests of a batch get.
    struct HoldAnswer {
        let head: ResponseHead
        let body: ResponseBody
    }

    private struct Batch {
        let group: HoldGroup
        let answer: HoldAnswer
        /// Answers only those whose deadline lies before it; nil for all.
        let expiredAt: NIODeadline?
    }

    /// Requests answered in one turn of the loop.
    static let turn = 512
    /// Requests answered of one group before another has its turn.
    private static let share = 64

    weak var index: ParkingIndex?
    private var batches: [Batch] = []
    private var isScheduled = false
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Takes in a group whose answer is known. `run` begins to answer.
    func add(_ group: HoldGroup, _ answer: HoldAnswer) {
        batches.append(Batch(group: group, answer: answer, expiredAt: nil))
    }

    /// Takes in those of a group that have waited too long.
    func addExpired(of group: HoldGroup, at now: NIODeadline, _ answer: HoldAnswer) {
        guard !batches.contains(where: { $0.group === group && $0.expiredAt != nil }) else { return }
        batches.append(Batch(group: group, answer: answer, expiredAt: now))
    }

    /// Answers what one turn may, and the rest in turns to come.
    func run() {
        guard !isScheduled else { return }
        runTurn()
    }

    private func runTurn() {
        var left = Self.turn
        while left > 0, !batches.isEmpty {
            // The next round begins behind the groups that had their share.
            let batch = batches.removeFirst()
            var share = min(left, Self.share)
            while share > 0, let exchange = next(of: batch) {
                index?.answered(exchange)
                exchange.respond(batch.answer.head, body: batch.answer.body)
                share -= 1
                left -= 1
            }
            if share == 0 { batches.append(batch) }
        }
        isScheduled = !batches.isEmpty
        guard isScheduled else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { bound.value.runTurn() }
    }

    private func next(of batch: Batch) -> Exchange? {
        guard let expiredAt = batch.expiredAt else { return batch.group.next() }
        guard let exchange = batch.group.nextExpired(at: expiredAt) else { return nil }
        index?.noteExpired()
        return exchange
    }
}
