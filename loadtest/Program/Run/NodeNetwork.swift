import Foundation
import Harness
import LoadtestCore

/// The network between the nodes of a run: each of them in a network namespace of its own, all on one bridge, with faults
/// made by the kernel: nftables loses packets where they arrive, `tc` delays them and bounds their rate where they leave.
///
/// All of it lies in a namespace that the tool itself has moved into: the kernel takes it away with the last process in it,
/// however the run ends, and the machine's own network is never touched.
final class NodeNetwork {
    /// What is wrong with one way of a node's link.
    private struct Condition: Equatable {
        var isCut = false
        var bitsPerSecond: Int?
        var delay: Duration?
        var loss = 0.0

        /// The rule of nftables by which packets are lost where they arrive; nil when none are.
        var drop: String? {
            if isCut { return "drop" }
            return loss > 0 ? "numgen random mod 100000 < \(Int(loss * 100_000)) drop" : nil
        }

        /// The queue in which packets wait where they leave; nil when none do. A queue of netem's standard size would drop what
        /// a part's burst brings.
        var queue: [String]? {
            if let delay {
                let rate = bitsPerSecond.map { ["rate", "\($0)bit"] } ?? []
                return ["netem", "delay", "\(delay.microseconds)us"] + rate + ["limit", "20000"]
            }
            return bitsPerSecond.map { ["tbf", "rate", "\($0)bit", "burst", "64kb", "latency", "1s"] }
        }
    }

    private struct Place {
        let address: String
        /// Keeps the namespace while no node runs in it.
        let keeper: ChildProcess
        let link: String
        var toNode = Condition()
        var fromNode = Condition()

        var namespace: String { "/proc/\(keeper.processIdentifier)/ns/net" }
    }

    private let directory: URL
    private var places: [String: Place] = [:]

    /// Where nodes find the tool.
    static let toolAddress = "10.77.0.1"
    private static let bridge = "needletail0"
    private static let mark = "NEEDLETAIL_LOADTEST_NETWORK"

    // MARK: The tool's own namespace

    /// Begins the program anew in a network namespace of its own, unless it is there already. As root, or where a user may
    /// have namespaces of his own.
    static func enter() throws {
        guard ProcessInfo.processInfo.environment[mark] == nil else { return }
        let kind = geteuid() == 0 ? ["--net"] : ["--user", "--map-root-user", "--net"]
        let trial = try run("unshare", kind + ["true"])
        guard trial.status == 0 else {
            throw TimedOut(
                description:
                    "no network namespace can be made here (\(trial.errors.trimmingCharacters(in: .newlines))). "
                    + "Run as root, allow user namespaces, or set target.start.network=loopback.")
        }
        setenv(mark, "1", 1)
        let command = ["unshare"] + kind + ["/proc/self/exe"] + CommandLine.arguments.dropFirst()
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        // unshare's own /proc/self/exe would be unshare.
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        words[1 + kind.count] = strdup(program)
        words.append(nil)
        execvp("unshare", words)
        throw TimedOut(description: "unshare: \(String(cString: strerror(errno)))")
    }

    /// `faults` are those of the run: what this kernel cannot make is told before anything starts.
    init(in directory: URL, faults: [FaultPlan]) throws {
        self.directory = directory
        try Self.ip("link", "set", "lo", "up")
        // Of a round before this one.
        _ = try? Self.ip("link", "delete", Self.bridge)
        try Self.ip("link", "add", Self.bridge, "type", "bridge")
        try Self.ip("address", "add", "\(Self.toolAddress)/16", "dev", Self.bridge)
        try Self.ip("link", "set", Self.bridge, "up")
        let delays = faults.contains {
            if case .delay = $0.action { !FaultPlan.links.contains($0.target) } else { false }
        }
        if delays, try run("tc", ["qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]).status != 0 {
            throw TimedOut(
                description: "this kernel cannot delay packets (module sch_netem). Delay a link (viewers, publishers, "
                    + "upstream) in place of a node.")
        }
        _ = try? run("tc", ["qdisc", "delete", "dev", "lo", "root"])
    }

    // MARK: Places

    /// The address of a run's nth node.
    static func address(_ index: Int) -> String { "10.77.\(1 + index / 200).\(1 + index % 200)" }

    /// Makes a namespace for a node.
    func add(_ name: String, address: String) throws {
        let link = "needletail\(places.count + 1)"
        let keeper = try ChildProcess(
            "unshare", ["--net", "sleep", "infinity"], in: directory, name: "network-\(name)", hasOwnGroup: true)
        let place = Place(address: address, keeper: keeper, link: link)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        _ = try eventually("a namespace for \(name): \(keeper.text)") {
            let its = try? FileManager.default.destinationOfSymbolicLink(atPath: place.namespace)
            return its != nil && its != own ? true : nil
        }
        try Self.ip(
            "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", "\(keeper.processIdentifier)")
        try Self.ip("link", "set", link, "master", Self.bridge)
        try Self.ip("link", "set", link, "up")
        places[name] = place
        try inside(place, "ip", "link", "set", "lo", "up")
        try inside(place, "ip", "address", "add", "\(address)/16", "dev", "eth0")
        try inside(place, "ip", "link", "set", "eth0", "up")
    }

    /// How a program is started in a node's namespace.
    func command(_ name: String, _ program: String, _ arguments: [String]) -> (program: String, arguments: [String]) {
        guard let place = places[name] else { return (program, arguments) }
        return ("nsenter", ["--net=\(place.namespace)", "--", program] + arguments)
    }

    func stop() {
        for place in places.values { place.keeper.kill() }
        places = [:]
        _ = try? Self.ip("link", "delete", Self.bridge)
    }

    // MARK: Faults

    /// Puts a fault on a node's link, or takes it away again.
    func set(_ plan: FaultPlan, isOn: Bool) throws {
        guard var place = places[plan.target] else { return }
        func change(_ condition: inout Condition) {
            switch plan.action {
            case .partition: condition.isCut = isOn
            case .bandwidth(let rate): condition.bitsPerSecond = isOn ? rate : nil
            case .delay(let time): condition.delay = isOn ? time : nil
            case .loss(let share): condition.loss = isOn ? share : 0
            case .kill, .pause, .reconnect: break
            }
        }
        if plan.way != .out { change(&place.toNode) }
        if plan.way != .in { change(&place.fromNode) }
        places[plan.target] = place
        // Lost where they arrive, so that the sender's own kernel knows nothing of it; queued where they leave.
        try lose(place.toNode, device: "eth0") { try self.inside(place, "nft", $0) }
        try lose(place.fromNode, device: place.link) { try Self.command("nft", $0) }
        try queue(place.toNode, device: place.link) { try Self.command("tc", $0) }
        try queue(place.fromNode, device: "eth0") { try self.inside(place, "tc", $0) }
    }

    private func lose(_ condition: Condition, device: String, _ nft: ([String]) throws -> Void) throws {
        let table = "netdev faults_\(device)"
        // Without one there is nothing to delete.
        _ = try? nft(["delete table \(table)"])
        guard let drop = condition.drop else { return }
        try nft([
            "add table \(table); "
                + "add chain \(table) arriving { type filter hook ingress device \"\(device)\" priority 0; }; "
                + "add rule \(table) arriving \(drop)"
        ])
    }

    private func queue(_ condition: Condition, device: String, _ tc: ([String]) throws -> Void) throws {
        _ = try? tc(["qdisc", "delete", "dev", device, "root"])
        if let queue = condition.queue { try tc(["qdisc", "add", "dev", device, "root"] + queue) }
    }

    // MARK: Commands

    private static func ip(_ arguments: String...) throws { try command("ip", arguments) }

    private func inside(_ place: Place, _ program: String, _ arguments: String...) throws {
        try inside(place, program, arguments)
    }

    private func inside(_ place: Place, _ program: String, _ arguments: [String]) throws {
        try Self.command("nsenter", ["--net=\(place.namespace)", "--", program] + arguments)
    }

    private static func command(_ program: String, _ arguments: [String]) throws {
        let result = try run(program, arguments)
        guard result.status == 0 else {
            throw TimedOut(
                description: "\(program) \(arguments.joined(separator: " ")): "
                    + result.errors.trimmingCharacters(in: .newlines))
        }
    }
}
