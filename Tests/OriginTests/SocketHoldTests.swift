import HLS
import Harness
import NIOCore
import Testing

@testable import Origin

/// The end of a hold and the limits of holds, as clients on real sockets meet them.
@Suite struct SocketHoldTests {
    private static let path = "/live/demo/video/playlist.m3u8"

    private func started(parking: ParkingIndex.Limits = .init(), perChannel: Int = .max) throws -> SocketOrigin {
        let server = try SocketOrigin { try LiveOrigin(on: $0, parking: parking, perChannel: perChannel) }
        try server.on { origin in
            origin.publish.track()
            origin.publish.open(parts: 1)
        }
        return server
    }

    /// A whole segment that does not come while the test lasts.
    private func far(_ server: SocketOrigin) throws -> String {
        "\(Self.path)?_HLS_msn=\(try server.on { $0.publish.sequence } + 2)"
    }

    private func waiting(_ count: Int, on server: SocketOrigin) throws {
        try eventually("\(count) wait") { try server.on { $0.hub.parking.count } == count ? () : nil }
    }

    @Test("6.2.5.2: after three target durations without news all who wait get 503 and Retry-After, and may ask again")
    func expiry() throws {
        let server = try started()
        defer { server.stop() }
        let path = try far(server)
        let plain = try (0..<20).map { _ in try server.connect() }
        let streams = try server.streams()
        defer { streams.stop() }
        let answers = plain.map { server.ask(path, on: $0) }
        let others = (0..<20).map { _ in streams.ask(path).answer }
        try waiting(40, on: server)
        try server.on { origin in
            let advanced = origin.presentation?.rendition(of: .video)?.advancedAt ?? .now()
            origin.hub.tick(at: advanced + .milliseconds(5_900))
            #expect(origin.hub.parking.count == 40)
            origin.hub.tick(at: advanced + .milliseconds(6_100))
        }
        for answer in answers {
            let answer = try answer.wait()
            #expect(answer.status == 503 && answer.fields["retry-after"] == "1")
            #expect(answer.fields["content-type"] == "application/problem+json")
            #expect(answer.fields["cache-control"] == "no-store")
        }
        for other in others {
            let (status, body) = try other.wait()
            #expect(status == 503 && String(buffer: body).contains("urn:needletail:problem:hold-expired"))
        }
        // The connections live on, and so does the stream.
        let again = try server.ask(Self.path, on: plain[0]).wait()
        #expect(again.status == 200)
        #expect(try streams.ask(Self.path).answer.wait().0 == 200)
        #expect(try server.on { $0.channel?.holds.count } == 0)
        for channel in plain { channel.close(promise: nil) }
    }

    @Test(
        "One request more than an address or a channel may hold is answered 429; a place that is given up can be had",
        arguments: [ParkingIndex.Excess.channel, .address])
    func limits(excess: ParkingIndex.Excess) throws {
        let server = try started(
            parking: .init(perAddress: excess == .address ? 6 : .max), perChannel: excess == .channel ? 6 : .max)
        defer { server.stop() }
        let path = try far(server)
        let plain = try (0..<3).map { _ in try server.connect() }
        let streams = try server.streams()
        defer { streams.stop() }
        let held = plain.map { server.ask(path, on: $0) }
        let streamed = (0..<3).map { _ in streams.ask(path) }
        try waiting(6, on: server)

        let refused = try server.get(path)
        #expect(refused.status == 429 && refused.fields["retry-after"] == "1")
        #expect(refused.fields["content-type"] == "application/problem+json")
        #expect(refused.fields["cache-control"] == "no-store")
        #expect(refused.text.contains("urn:needletail:problem:too-many-parked"))
        let place = excess == .address ? "for this address" : "for this channel"
        #expect(refused.text.contains(place))
        let (status, body) = try streams.ask(path).answer.wait()
        #expect(status == 429 && String(buffer: body).contains(place))
        // What is there already is answered all the same.
        #expect(try server.get(Self.path).status == 200)

        // Another address has places of its own, and none more of the channel's.
        let elsewhere = try server.connect(from: "127.0.0.2")
        let answer = server.ask(path, on: elsewhere)
        if excess == .address {
            try waiting(7, on: server)
        } else {
            #expect(try answer.wait().status == 429)
        }
        elsewhere.close(promise: nil)
        try waiting(6, on: server)

        plain[0].close(promise: nil)
        streamed[0].cancel()
        try waiting(4, on: server)
        let late = (0..<2).map { _ in streams.ask(path).answer }
        try waiting(6, on: server)
        try server.on { origin in
            for _ in 0..<3 {
                origin.publish.close()
                origin.publish.open(parts: 1)
            }
        }
        for future in held.dropFirst() { #expect(try future.wait().status == 200) }
        for stream in streamed.dropFirst() { #expect(try stream.answer.wait().0 == 200) }
        for future in late { #expect(try future.wait().0 == 200) }
        _ = try? answer.wait()
        _ = try? held[0].wait()
        for channel in plain.dropFirst() { channel.close(promise: nil) }
        let refusals = try server.on { $0.hub.parking.counters.refused }
        #expect(refusals == [excess: excess == .channel ? 3 : 2])
    }
}
