import Foundation
import Harness
import Testing

/// Strangers who subscribe to a channel at a node and take nothing of what they are pushed.
extension EndToEnd {
    @Suite(.serialized) struct SubscriberTests {
        private static let whole = HTTP2Frame.endStream | HTTP2Frame.endHeaders

        /// One connection subscribes again and again. A byte of window lets each subscription end in favour of the next,
        /// and keeps each push open.
        @Test func oneConnectionTakesABoundedShareOfTheNode() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video", count: 3)
            let origin = "http://127.0.0.1:\(fleet.originPort)"
            let stranger = try RawConnection(port: fleet.originPort)
            stranger.send(
                Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Frame(.settings, HTTP2Frame.setting(4, 1)).bytes
                    + HTTP2Frame(.settings, flags: HTTP2Frame.ack).bytes)
            let before = try #require(fleet.origin.residentBytes)
            var promised = 0
            var ended = 0
            var most = 0
            for round in 0..<200 as Range<UInt32> {
                let block = HTTP2Block.request("/relay/v1/demo?video=&audio=")
                stranger.send(HTTP2Frame(.headers, flags: Self.whole, stream: round * 2 + 1, block).bytes)
                // Its answer comes, and with it the promises that there is room for.
                try eventually("subscription \(round) is answered") { () -> Void? in
                    let frames = stranger.frames()
                    promised += frames.count { $0.type == HTTP2Frame.Kind.push.rawValue }
                    ended += frames.count { $0.type == HTTP2Frame.Kind.reset.rawValue && $0.stream % 2 == 0 }
                    return frames.contains { $0.type == HTTP2Frame.Kind.headers.rawValue } ? () : nil
                }
                most = max(most, promised - ended)
            }
            let after = try #require(fleet.origin.residentBytes)
            #expect(most <= 1_024, "\(most) pushes were open on one connection")
            #expect(after - before < 32 << 20, "\((after - before) >> 20) MiB more after \(promised) promises")
            // Whoever else asks is answered, and edges are pushed on.
            #expect(try fleet.waitForChannel().contains("avc1"))
            // What is left unread ends, and the subscription with it.
            _ = try eventually("the subscription is dropped") {
                try metrics(of: origin, "needletail_origin_subscriptions_dropped_total") >= 1 ? true : nil
            }
        }
    }
}
