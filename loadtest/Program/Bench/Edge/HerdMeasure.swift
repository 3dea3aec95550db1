import Foundation
import Harness
import NIOCore
import NIOPosix
import NIOSSL

/// Viewers that wait at a cache for the same playlist: what they cost while they wait, and how late the last of them gets it
/// once it is published.
struct HerdMeasure {
    struct Row {
        let peer: String
        let face: CachePeer.Face
        let viewers: Int
        /// Milliseconds from the publish at the origin to an answer's arrival, over all rounds.
        var lateness: [Double] = []
        /// Resident bytes for one that waits, its connection and its TLS included; the largest of the rounds.
        var bytesParked = 0.0
        /// Processor time in thousandths of a core while they wait; the largest of the rounds.
        var idle = 0.0
        /// Milliseconds of the cache's processor time to release them all; the largest of the rounds.
        var release = 0.0
        /// Requests that the cache made of its origin for one object, at most.
        var fetches = 0
    }

    private let origin: HoldingOrigin
    private let peers: [CachePeer]
    private let tls: NIOSSLContext
    private let group: any EventLoopGroup
    /// Of each peer before anybody came. Allocators keep what they once had.
    private let emptyBytes: [String: Int]

    /// `tls` trusts the certificate of the peers, which nobody has asked yet.
    init(origin: HoldingOrigin, peers: [CachePeer], tls: NIOSSLContext, group: any EventLoopGroup) {
        self.origin = origin
        self.peers = peers
        self.tls = tls
        self.group = group
        emptyBytes = Dictionary(peers.map { ($0.name, $0.residentBytes) }, uniquingKeysWith: { $1 })
    }

    /// Rounds are interleaved. Each viewer has a connection of its own.
    func run(face: CachePeer.Face, viewers: Int, rounds: Int, progress: (String) -> Void) throws -> [Row] {
        var rows = peers.filter { $0.ports[face] != nil }.map { Row(peer: $0.name, face: face, viewers: viewers) }
        for round in 1...rounds {
            for index in rows.indices {
                guard let peer = peers.first(where: { $0.name == rows[index].peer }) else { continue }
                progress("\(viewers) parked over \(face.rawValue): \(peer.name), round \(round) of \(rounds)")
                try release(&rows[index], at: peer)
                // Those who leave are gone before others come: allocators keep what both at once would need.
                try settle(peer)
            }
        }
        return rows
    }

    /// Viewers that ask for one playlist after the other: each is published when all wait for it.
    func chase(viewers: Int, objects: Int, progress: (String) -> Void) throws -> [Row] {
        let direct = Row(peer: "the origin itself", face: .http1, viewers: viewers)
        let rows =
            [(direct, origin.port)]
            + peers.compactMap { peer in
                peer.ports[.http1].map { (Row(peer: peer.name, face: .http1, viewers: viewers), $0) }
            }
        return try rows.map { row, port in
            progress("\(viewers) at the live edge: \(row.peer)")
            var row = row
            let holders = try ConnectionHolders(port: port, connections: viewers, on: group)
            defer { holders.stop() }
            for _ in 0..<objects {
                let number = origin.next()
                let answers = try holders.ask(HoldingOrigin.path(number), count: viewers)
                _ = try eventually("the origin is asked") { origin.fetches(of: number) > 0 ? true : nil }
                // Half a part: who waits in a queue or polls has settled by then.
                Thread.sleep(forTimeInterval: 0.15)
                let published = origin.publish(number)
                row.lateness += try answers.map { Double((try $0.wait() - published).nanoseconds) / 1e6 }
                row.fetches = max(row.fetches, origin.fetches(of: number))
            }
            return row
        }
    }

    private func release(_ row: inout Row, at peer: CachePeer) throws {
        guard let port = peer.ports[row.face] else { return }
        let number = origin.next()
        let empty = emptyBytes[peer.name] ?? 0
        let holders: any Holders =
            row.face == .http1
            ? try ConnectionHolders(port: port, connections: row.viewers, on: group)
            : try StreamHolders(
                port: port, connections: row.viewers, tls: row.face == .secure ? tls : nil, on: group)
        defer { holders.stop() }
        let answers = try holders.ask(HoldingOrigin.path(number), count: row.viewers)
        _ = try eventually("the origin is asked") { origin.fetches(of: number) > 0 ? true : nil }
        try settle(peer)
        row.bytesParked = max(row.bytesParked, Double(peer.residentBytes - empty) / Double(row.viewers))
        let used = peer.cpuSeconds
        Thread.sleep(forTimeInterval: 2)
        let settled = peer.cpuSeconds
        row.idle = max(row.idle, (settled - used) / 2 * 1_000)
        let published = origin.publish(number)
        row.lateness += try answers.map { Double((try $0.wait() - published).nanoseconds) / 1e6 }
        row.release = max(row.release, (peer.cpuSeconds - settled) * 1_000)
        row.fetches = max(row.fetches, origin.fetches(of: number))
    }

    /// Until all that came has been read, which takes processor time: then there is next to none.
    private func settle(_ peer: CachePeer) throws {
        _ = try eventually("\(peer.name) has read its requests", within: 60) { () -> Bool? in
            let before = peer.cpuSeconds
            Thread.sleep(forTimeInterval: 0.5)
            return peer.cpuSeconds - before <= 0.03 ? true : nil
        }
    }
}
