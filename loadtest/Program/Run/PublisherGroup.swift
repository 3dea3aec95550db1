import Foundation
import LoadtestCore
import NIOCore

/// The publishers of one plan: they connect at their time, come again when they are cut off, and end.
final class PublisherGroup {
    private struct One {
        var key: String
        var stop: (() -> Void)?
        var ledger: PublishLedger?
        var retryAt = 0.0
    }

    let plan: PublisherPlan
    /// Nil where the pictures are encoded while publishing.
    private let clip: Clip?
    private let directory: URL
    private let target: RTMPTarget
    private let group: any EventLoopGroup
    private var all: [One]
    private var isHeldBack = false
    private(set) var disconnects = 0
    private(set) var refusal: String?
    private var past = LatencyHistogram()

    init(_ plan: PublisherPlan, target: RTMPTarget, in directory: URL, on group: any EventLoopGroup) throws {
        self.plan = plan
        self.directory = directory
        clip = plan.stamp == .bitstream ? try ClipMaker(directory: directory).make(plan) : nil
        self.target = target
        self.group = group
        all = Self.keys(plan).map { One(key: $0) }
    }

    static func keys(_ plan: PublisherPlan) -> [String] {
        plan.count == 1 ? [plan.name] : (0..<plan.count).map { "\(plan.name)-\($0 + 1)" }
    }

    /// Connects whoever should publish at `second` of the run and does not, and ends whoever should not.
    func tend(at second: Double) {
        let from = Double(plan.startAt.microseconds) / 1e6
        let isOn = second >= from && plan.publishes.map { second < from + Double($0.microseconds) / 1e6 } ?? true
        for index in all.indices {
            if let ledger = all[index].ledger {
                let (isClosed, why) = ledger.state.withLock { ($0.isClosed, $0.refusal) }
                if let why { refusal = why }
                if isClosed {
                    keep(ledger)
                    all[index].stop?()
                    (all[index].ledger, all[index].stop) = (nil, nil)
                    if isOn, !isHeldBack { disconnects += 1 }
                    all[index].retryAt = second + 0.5
                }
            }
            if isOn, !isHeldBack, all[index].stop == nil, second >= all[index].retryAt {
                all[index].retryAt = second + 0.5
                if let made = try? connect(all[index].key) { (all[index].stop, all[index].ledger) = made }
            }
            if !isOn { all[index].stop?() }
        }
    }

    private func connect(_ key: String) throws -> (stop: () -> Void, ledger: PublishLedger) {
        guard let clip else {
            return try EncodedPublisher.start(plan, to: target, key: key, in: directory, on: group)
        }
        let (channel, ledger) = try ClipPublisher.connect(
            clip: clip, host: target.host, port: target.port, app: target.app, key: key, isStamped: true, on: group)
        return ({ channel.close(promise: nil) }, ledger)
    }

    /// Hangs up without a word, and stays away until called with false.
    func holdBack(_ isHeldBack: Bool) {
        self.isHeldBack = isHeldBack
        if isHeldBack { stop() }
    }

    func stop() { for one in all { one.stop?() } }

    /// What was counted so far is of the warm-up.
    func forgetLateness() {
        past = LatencyHistogram()
        for one in all { one.ledger?.state.withLock { $0.lateness = LatencyHistogram() } }
    }

    var lateness: LatencyHistogram {
        var sum = past
        for one in all { if let ledger = one.ledger { sum.add(ledger.state.withLock { $0.lateness }) } }
        return sum
    }

    private func keep(_ ledger: PublishLedger) { past.add(ledger.state.withLock { $0.lateness }) }
}
