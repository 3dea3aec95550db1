import Foundation
import HLS
import Harness
import NIOPosix
import Testing

/// Upstreams that die, hang and come back, and a viewer who does not notice.
extension EndToEnd {
    @Suite(.serialized) struct FailoverTests {
        /// A player at the live edge: it asks for each next part, and takes nothing but answers that go on.
        private struct Player {
            let playlist: String
            private(set) var position: MediaPosition?
            /// The longest that one answer took, in seconds.
            private(set) var longest = 0.0

            init(_ edge: EdgeNode) { playlist = "\(edge.url)/live/demo/video/playlist.m3u8" }

            mutating func follow(_ count: Int) throws {
                for _ in 0..<count {
                    let query = position.map { "?_HLS_msn=\($0.sequence)&_HLS_part=\($0.part + 1)" } ?? ""
                    let asked = Date()
                    let answer = try curl(playlist + query)
                    longest = max(longest, Date().timeIntervalSince(asked))
                    try #require(answer.status == 200, "\(query): \(answer.text)")
                    let newer = try #require(try MediaPlaylist(parsing: answer.body).position)
                    if let position { #expect(position < newer) }
                    position = newer
                }
            }
        }

        /// An edge that is pushed to and one that asks, behind the same upstreams.
        private func edges(
            behind upstreams: [Int], in directory: URL
        ) throws -> (pushed: EdgeNode, pulling: EdgeNode) {
            (
                try EdgeNode("pushed", upstreams: upstreams, in: directory),
                try EdgeNode(
                    "pulling", upstreams: upstreams, in: directory,
                    settings: ["upstreams.0.push=off", "upstreams.1.push=off"])
            )
        }

        /// A player at an edge, once the channel is there.
        private func player(_ edge: EdgeNode) throws -> Player {
            _ = try eventually("the channel at \(edge.name): \(edge.process.text)") {
                try curl("\(edge.url)/live/demo/video/playlist.m3u8").status == 200 ? true : nil
            }
            return Player(edge)
        }

        @Test func aViewerSeesNoErrorWhileOneShieldHangsAndTheOtherIsKilled() throws {
            let fleet = try Fleet()
            let first = try EdgeNode("first", upstreams: [fleet.originTLSPort], in: fleet.directory)
            let second = try EdgeNode("second", upstreams: [fleet.originTLSPort], in: fleet.directory)
            let shields = [first.tlsPort, second.tlsPort]
            let (pushed, pulling) = try edges(behind: shields, in: fleet.directory)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video")
            var players = try [pushed, pulling].map(player)
            func follow(_ count: Int) throws {
                for _ in 0..<count { for index in players.indices { try players[index].follow(1) } }
            }
            try follow(5)
            first.process.setPaused(true)
            try follow(6)
            _ = try pushed.process.line(with: "channel moved to another upstream")
            // Without pushes it is left once another was faster to answer.
            #expect(try pulling.metric("needletail_edge_hedges_total") >= 1)
            #expect(try pulling.metric("needletail_edge_upstream_sound", ":\(first.tlsPort)") == 0)

            first.process.setPaused(false)
            for edge in [pushed, pulling] {
                _ = try eventually("\(edge.name) finds the first sound again: \(edge.process.text)") {
                    try players[1].follow(1)
                    return try edge.metric("needletail_edge_upstream_up", ":\(first.tlsPort)") == 1 ? true : nil
                }
            }
            try follow(2)
            second.process.kill()
            try follow(6)
            #expect(try pushed.metric("needletail_edge_upstream_up", ":\(second.tlsPort)") == 0)
            print("longest answer: pushed \(players[0].longest) s, pulling \(players[1].longest) s")
        }

        /// A link that takes all and gives nothing: no connection breaks, and only silence tells.
        @Test(arguments: [true, false]) func aViewerSeesNoErrorWhileALinkSwallowsWhatPasses(
            bothWays: Bool
        ) throws {
            let fleet = try Fleet()
            let link = try LinkProxy.open(
                on: "127.0.0.1", to: ("127.0.0.1", fleet.originTLSPort), loops: MultiThreadedEventLoopGroup.singleton)
            defer { link.close() }
            let upstreams = [link.port, fleet.originTLSPort]
            let (pushed, pulling) = try edges(behind: upstreams, in: fleet.directory)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video")
            var players = try [pushed, pulling].map(player)
            func follow(_ count: Int) throws {
                for _ in 0..<count { for index in players.indices { try players[index].follow(1) } }
            }
            try follow(5)
            let before = players.map(\.longest)
            let started = Date()
            link.set { condition in
                condition.swallowsRequests = bothWays
                condition.swallowsAnswers = true
            }
            try follow(6)
            let moved = try pushed.process.line(with: "channel moved to another upstream")
            #expect(try pulling.metric("needletail_edge_hedges_total") >= 1)
            #expect(try pulling.metric("needletail_edge_upstream_sound", ":\(link.port)") == 0)
            // Who comes while the first upstream takes connections and says nothing is served by the second.
            let late = try EdgeNode("late", upstreams: upstreams, in: fleet.directory)
            #expect(try curl("\(late.url)/live/demo/video/playlist.m3u8").status == 200)

            link.set { condition in
                condition.swallowsRequests = false
                condition.swallowsAnswers = false
            }
            for edge in [pushed, pulling] {
                _ = try eventually("\(edge.name) reaches the first again: \(edge.process.text)") {
                    try players[1].follow(1)
                    return try edge.metric("needletail_edge_upstream_up", ":\(link.port)") == 1 ? true : nil
                }
            }
            try follow(2)
            let silence = Self.time(of: moved).map { $0.timeIntervalSince(started) } ?? -1
            print("left after \(silence) s; longest answer before \(before), with \(players.map(\.longest)) s")
        }

        /// Both upstreams wait for a part that nobody has sent: whichever is asked, and whichever is a millisecond earlier.
        @Test func aPublishersStallIsHeldAgainstNoUpstream() throws {
            let fleet = try Fleet()
            let shields = try ["first", "second"].map {
                try EdgeNode($0, upstreams: [fleet.originTLSPort], in: fleet.directory)
            }
            let (_, pulling) = try edges(behind: shields.map(\.tlsPort), in: fleet.directory)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video")
            var player = try player(pulling)
            try player.follow(8)
            for _ in 0..<3 {
                publisher.setPaused(true)
                try player.follow(4)
                publisher.setPaused(false)
                try player.follow(10)
            }
            #expect(try pulling.metric("needletail_edge_hedges_total") >= 1)
            for shield in shields {
                #expect(try pulling.metric("needletail_edge_upstream_sound", ":\(shield.tlsPort)") == 1)
            }
            #expect(!pulling.process.text.contains("upstream left"), "\(pulling.process.text)")
        }

        private static func time(of line: String) -> Date? {
            let form = ISO8601DateFormatter()
            form.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            return line.split(separator: " ").first.flatMap { form.date(from: String($0)) }
        }

        @Test func anEdgeWithoutItsOriginWaitsAndSaysSo() throws {
            let fleet = try Fleet()
            // Nobody listens on port 1.
            let edge = try EdgeNode("lonely", upstreams: [1], in: fleet.directory, waits: false)
            #expect(try curl("\(edge.url)/healthz").status == 200)
            let reason = try eventually("the reason: \(edge.process.text)") {
                let answer = try curl("\(edge.url)/readyz")
                #expect(answer.status == 503)
                return answer.text.contains("https://127.0.0.1:1: ") ? answer.text : nil
            }
            #expect(reason.contains("No upstream has been reached yet"))
            #expect(try curl("\(edge.url)/live/demo/index.m3u8").status == 503)
        }
    }
}
