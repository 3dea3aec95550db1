import Foundation
import Harness
import LoadtestCore
import NIOCore

/// Makes things go wrong at their times, and mends them: at the end of each fault, and all of them at the end of the run.
final class FaultInjector {
    private enum State { case waiting, on(since: Double), over }

    private let plans: [FaultPlan]
    private var states: [State]
    private(set) var marks: [(name: String, from: Double, until: Double)] = []
    private let nodes: StartedNodes?
    private let groups: [PublisherGroup]
    private let links: [String: [LinkProxy]]
    private let say: (String) -> Void

    init(
        _ plans: [FaultPlan], nodes: StartedNodes?, groups: [PublisherGroup], links: [String: [LinkProxy]],
        say: @escaping (String) -> Void
    ) {
        self.plans = plans
        states = plans.map { _ in .waiting }
        self.nodes = nodes
        self.groups = groups
        self.links = links
        self.say = say
    }

    /// `second` counts from the start of the run.
    func tick(at second: Double) throws {
        for index in plans.indices {
            let plan = plans[index]
            let begin = Double(plan.at.microseconds) / 1e6
            let end = begin + Double(plan.lasts.microseconds) / 1e6
            switch states[index] {
            case .waiting where second >= begin:
                say("fault: \(name(plan))")
                states[index] = .on(since: second)
                try begins(plan)
            case .on(let since) where second >= end:
                try ends(plan)
                say("mended: \(name(plan))")
                states[index] = .over
                marks.append((name(plan), since, second))
            default: break
            }
        }
    }

    /// Mends all that is still broken.
    func undo(at second: Double) {
        for index in plans.indices {
            guard case .on(let since) = states[index] else { continue }
            states[index] = .over
            marks.append((name(plans[index]), since, second))
            // The nodes go now: one that was killed need not come back.
            if plans[index].action != .kill { try? ends(plans[index]) }
        }
    }

    private func name(_ plan: FaultPlan) -> String {
        plan.way == .both ? what(plan) : "\(what(plan)), \(plan.way.rawValue)"
    }

    private func what(_ plan: FaultPlan) -> String {
        switch plan.action {
        case .bandwidth(let rate): "\(plan.target): \(rate / 1_000) kbit/s"
        case .delay(let time): "\(plan.target): +\(time.microseconds / 1_000) ms"
        case .loss(let share): "\(plan.target): \(share * 100) % lost"
        default: "\(plan.action.word) \(plan.target)"
        }
    }

    private func begins(_ plan: FaultPlan) throws {
        if isOnNode(plan) { return try nodes?.network?.set(plan, isOn: true) ?? () }
        let process = nodes?.nodes[plan.target]?.process
        switch plan.action {
        case .kill: _ = process?.kill()
        case .pause: process?.setPaused(true)
        case .partition: change(plan) { $0.isCut = true }
        case .bandwidth(let rate): change(plan) { $0.bitsPerSecond = rate }
        case .delay(let time): change(plan) { $0.delay = .microseconds(time.microseconds) }
        case .loss: break
        case .reconnect: for group in groups where group.plan.name == plan.target { group.holdBack(true) }
        }
    }

    private func ends(_ plan: FaultPlan) throws {
        if isOnNode(plan) { return try nodes?.network?.set(plan, isOn: false) ?? () }
        switch plan.action {
        case .kill: try nodes?.restart(plan.target)
        case .pause: nodes?.nodes[plan.target]?.process.setPaused(false)
        case .partition: change(plan) { $0.isCut = false }
        case .bandwidth: change(plan) { $0.bitsPerSecond = nil }
        case .delay: change(plan) { $0.delay = .zero }
        case .loss: break
        case .reconnect: for group in groups where group.plan.name == plan.target { group.holdBack(false) }
        }
    }

    /// Whether it is the kernel that makes it, on the link of a node.
    private func isOnNode(_ plan: FaultPlan) -> Bool {
        switch plan.action {
        case .kill, .pause, .reconnect: false
        case .partition, .bandwidth, .delay, .loss: nodes?.nodes[plan.target] != nil
        }
    }

    private func change(_ plan: FaultPlan, _ change: (inout LinkProxy.Condition) -> Void) {
        for link in links[plan.target] ?? [] { link.set(change) }
    }
}
