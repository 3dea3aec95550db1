import Configuration

/// What a run does: who publishes, who watches, what goes wrong meanwhile, and what must hold. Checked whole.
package struct Scenario: Equatable, Sendable {
    /// In reports and file names.
    package var name = "scenario"
    /// Time in which nothing is counted: joins, caches and the players' distance settle.
    package var warmUp = Duration.seconds(5)
    /// Time that is measured.
    package var duration = Duration.seconds(30)
    /// Rounds of the same, whose spread is the noise that `compare` holds differences against.
    package var rounds = 1
    /// What draws arrivals, stays and samples.
    package var seed = 1
    package var target = TargetPlan()
    package var publishers: [PublisherPlan] = []
    package var viewers: [ViewerPlan] = []
    package var faults: [FaultPlan] = []
    package var thresholds = Thresholds()

    package init() {}

    /// Reads a file, lays the overrides over it and checks everything.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package static func decode(
        _ file: ConfigurationFile, overrides: [ConfigurationOverride] = [], files: FileProbe = .disk
    ) throws(ConfigurationError) -> Scenario {
        try Decoding.decode(file, overrides: overrides, files: files, Scenario.init)
    }

    /// Every key, for the tests of the samples.
    package static var keys: [KeyDescription] { Decoding.describe(Scenario.init) }

    private init(_ root: Section) {
        self.init()
        name = root.value("name", .name("a scenario's name"), standard: name).value
        warmUp = root.value("warm_up", .duration(.zero ... .seconds(600)), standard: warmUp).value
        duration = root.value("duration", .duration(.seconds(1) ... .seconds(86_400)), standard: duration).value
        rounds = root.value("rounds", .integer(1...100), standard: rounds).value
        seed = root.value("seed", .integer(0...1_000_000_000), standard: seed).value
        target = root.section("target", TargetPlan.init).value
        publishers = named(root, "publishers", PublisherPlan.read)
        viewers = named(root, "viewers", ViewerPlan.read)
        faults = (root.list("faults", FaultPlan.read) ?? []).compactMap { $0 }
        thresholds = root.section("thresholds", Thresholds.init).value
        check(root)
    }

    /// Groups by their names, in the file's order; each must be there at least once.
    private func named<Plan>(_ root: Section, _ key: String, _ read: (Section) -> Plan) -> [Plan]
    where Plan: NamedPlan {
        guard let found = root.sections(key, named: .name("a group's name"), read) else { return [] }
        if found.isEmpty, root.isSound {
            root.decoding.report(
                root.place, .missingKey(key, expected: "at least one group"),
                hint: "Add \"\(key): {main: {count: 1}}\".")
        }
        return found.map { name, plan in
            var plan = plan
            plan.name = name
            return plan
        }
    }

    private func check(_ root: Section) {
        let decoding = root.decoding
        guard root.isSound, !decoding.isDescribing else { return }
        let nodes = target.nodeNames
        for fault in faults {
            let known: [String]
            let what: String
            switch fault.action {
            case .kill, .pause: (known, what) = (nodes, "a node that this scenario starts")
            case .partition, .bandwidth, .delay:
                known = FaultPlan.links + (target.hasNodeLinks ? nodes : [])
                what = target.hasNodeLinks ? "a link or a node" : "a link"
            case .loss: (known, what) = (target.hasNodeLinks ? nodes : [], "a node with a network of its own")
            case .reconnect: (known, what) = (publishers.map(\.name), "a group of publishers")
            }
            if fault.action.needsStartedNodes && target.given != nil && fault.target != "viewers" {
                decoding.report(
                    fault.targetPlace,
                    .conflict("\"\(fault.action.word)\" of \"\(fault.target)\" needs nodes of our own"),
                    hint: "Use \"target.start\", or a fault of viewers or publishers.")
            } else if !known.contains(fault.target) {
                decoding.report(
                    fault.targetPlace,
                    .danglingReference(path: fault.targetPath, value: fault.target, reason: "is not \(what)"),
                    hint: known.isEmpty ? fault.action.needsNetwork : "Known here: \(known.joined(separator: ", ")).")
            }
            if let place = fault.wayPlace, !(target.hasNodeLinks && nodes.contains(fault.target)) {
                decoding.report(
                    place, .conflict("\"way\" has no meaning for \"\(fault.target)\""),
                    hint: "Only the link of a node has ways, with \"target.start.network: namespaces\".")
            }
            if fault.at > warmUp + duration {
                decoding.report(
                    fault.targetPlace, .conflict("this fault begins after the scenario has ended"),
                    hint: "It lasts \(DurationText.write(warmUp + duration)), warm-up included.")
            }
        }
        for viewer in viewers where viewer.watches.map({ name in !publishers.contains { $0.name == name } }) ?? false {
            decoding.report(
                viewer.watchesPlace ?? root.place,
                .danglingReference(
                    path: "viewers.\(viewer.name).watch", value: viewer.watches ?? "",
                    reason: "is not a group of publishers"),
                hint: "Known here: \(publishers.map(\.name).joined(separator: ", ")).")
        }
        for viewer in viewers where viewer.from == .origin && target.given != nil && target.given?.origin == nil {
            decoding.report(
                viewer.fromPlace ?? root.place,
                .conflict("viewers \"\(viewer.name)\" watch at the origin, which \"target.given\" does not name"),
                hint: "Add \"origin: http://…\" to \"target.given\".")
        }
        for viewer in viewers where viewer.kind == .browser {
            for publisher in publishers where viewer.watches == nil || viewer.watches == publisher.name {
                if publisher.stamp != .picture {
                    decoding.report(
                        viewer.kindPlace ?? root.place,
                        .conflict(
                            "a browser reads the time from the picture, and \"\(publisher.name)\" has none there"),
                        hint: "Add \"stamp: picture\" to it, which encodes as it publishes.")
                }
            }
        }
    }
}

/// A group that the operator names.
protocol NamedPlan {
    var name: String { get set }
}
