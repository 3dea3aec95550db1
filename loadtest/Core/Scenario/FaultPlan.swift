import Configuration

/// Something that goes wrong at a time, and is mended after a while.
package struct FaultPlan: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// SIGKILL, and a new start after the time.
        case kill
        /// SIGSTOP, and SIGCONT after the time.
        case pause
        /// No byte passes; connections stay.
        case partition
        /// Bits a second, each way, over all connections of the link.
        case bandwidth(Int)
        /// Added to each byte's way.
        case delay(Duration)
        /// A share of the packets, from 0 to 1, does not arrive.
        case loss(Double)
        /// Publishers hang up without a word and connect again after the time.
        case reconnect

        package var word: String {
            switch self {
            case .kill: "kill"
            case .pause: "pause"
            case .partition: "partition"
            case .bandwidth: "bandwidth"
            case .delay: "delay"
            case .loss: "loss"
            case .reconnect: "reconnect"
            }
        }

        /// What to do where there are no links of this kind.
        var needsNetwork: String? {
            if case .loss = self { "Add \"network: namespaces\" to \"target.start\"." } else { nil }
        }

        var needsStartedNodes: Bool { self != .reconnect }
    }

    private enum Word: String, CaseIterable, Sendable {
        case kill, pause, partition, bandwidth, delay, loss, reconnect
    }

    /// Which way of a node's link a fault is on.
    package enum Way: String, CaseIterable, Sendable {
        case both
        /// Towards the node.
        case `in`
        /// From the node.
        case out
    }

    /// The links that a fault may name, where it names no node: each goes through a proxy of ours when one does.
    package static let links = ["publishers", "viewers", "upstream"]

    package var action: Action
    package var target: String
    /// From the start of the run.
    package var at: Duration
    package var lasts: Duration
    package var way = Way.both
    /// Set where `way` was.
    var wayPlace: ConfigurationPlace?
    var targetPlace: ConfigurationPlace
    var targetPath: String

    package static func == (a: FaultPlan, b: FaultPlan) -> Bool {
        a.action == b.action && a.target == b.target && a.at == b.at && a.lasts == b.lasts && a.way == b.way
    }

    static func read(_ section: Section) -> FaultPlan? {
        let word = section.required("kind", ValueKind<Word>.choice, standIn: .pause)
        let target = section.required("of", .name("a node, a link or a group"), standIn: "")
        let at = section.required("at", .duration(.zero ... .seconds(86_400)), standIn: .zero)
        let lasts = section.value("for", .duration(.milliseconds(10) ... .seconds(3_600)), standard: .seconds(2))
        let rate = section.optional("rate", .bitRate)
        let delay = section.optional("delay", .duration(.milliseconds(1) ... .seconds(10)))
        let loss = section.optional("loss", .share)
        let way = section.value("way", ValueKind<Way>.choice, standard: .both)
        let action: Action
        switch word.value {
        case .kill: action = .kill
        case .pause: action = .pause
        case .partition: action = .partition
        case .reconnect: action = .reconnect
        case .bandwidth: action = .bandwidth(rate.value ?? 0)
        case .delay: action = .delay(delay.value ?? .zero)
        case .loss: action = .loss(loss.value ?? 0)
        }
        need(rate, word.value == .bandwidth, word, "rate: 2Mbit", in: section)
        need(delay, word.value == .delay, word, "delay: 50ms", in: section)
        need(loss, word.value == .loss, word, "loss: 0.02", in: section)
        guard word.isSound, target.isSound, at.isSound else { return nil }
        return FaultPlan(
            action: action, target: target.value, at: at.value, lasts: lasts.value, way: way.value,
            wayPlace: way.place,
            targetPlace: target.place ?? section.place, targetPath: target.path)
    }

    /// A value that one kind of fault needs and no other has.
    private static func need<Value>(
        _ setting: Setting<Value?>, _ isNeeded: Bool, _ word: Setting<Word>, _ example: String, in section: Section
    ) {
        guard word.isSound, setting.isSound, !section.decoding.isDescribing else { return }
        if isNeeded, setting.place == nil {
            section.decoding.report(
                section.place, .missingKey(setting.path, expected: "a value for \"\(word.value.rawValue)\""),
                hint: "Add \"\(example)\".")
        } else if !isNeeded, let place = setting.place {
            section.decoding.report(
                place, .conflict("\"\(setting.path)\" has no meaning for \"\(word.value.rawValue)\""),
                hint: "Remove it.")
        }
    }
}

/// What must hold at the end; the run's exit code tells whether it did. What is absent is not asked.
package struct Thresholds: Equatable, Sendable {
    package var glassP50: Duration?
    package var glassP95: Duration?
    package var glassP99: Duration?
    package var joinP95: Duration?
    /// Requests that failed.
    package var errors: Int?
    /// Broken rules of the protocol.
    package var violations: Int?
    /// Stalls of all viewers together.
    package var stalls: Int?
    /// Sum of all stalls.
    package var stalledTime: Duration?

    package init() {}

    init(_ section: Section) {
        let time = ValueKind<Duration>.duration(.milliseconds(1) ... .seconds(3_600))
        let number = ValueKind<Int>.integer(0...1_000_000_000)
        glassP50 = section.optional("glass_p50", time).value
        glassP95 = section.optional("glass_p95", time).value
        glassP99 = section.optional("glass_p99", time).value
        joinP95 = section.optional("join_p95", time).value
        errors = section.optional("errors", number).value
        violations = section.optional("violations", number).value
        stalls = section.optional("stalls", number).value
        stalledTime = section.optional("stalled", time).value
    }
}
