import HLS
import NIOCore
import Seeded
import Testing

@testable import Origin

/// Requests that wait (6.2.5.2, 6.2.6), and what becomes of them.
@Suite struct HoldTests {
    private let path = "/live/demo/video/playlist.m3u8"

    private func started(
        parking: ParkingIndex.Limits = .init(), perChannel: Int = .max
    ) throws -> LiveOrigin {
        let origin = try LiveOrigin(parking: parking, perChannel: perChannel)
        origin.publish.track()
        origin.publish.add(2)
        origin.publish.open(parts: 1)
        return origin
    }

    @Test("6.2.5.2: a part is waited for, and a whole segment")
    func waits() throws {
        let origin = try started()
        let (part, segment) = (try origin.connect(), try origin.connect())
        #expect(try part.get("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=1") == nil)
        #expect(try segment.get("\(path)?_HLS_msn=\(origin.first + 2)") == nil)
        #expect(origin.hub.parking.count == 2)
        origin.publish.part()
        let first = try #require(try part.answer())
        #expect(first.status == 200)
        #expect(first.fields["cache-control"] == "max-age=12")
        #expect(first.text.contains("/\(origin.first + 2).1.m4s\"\n#EXT-X-PRELOAD-HINT"))
        origin.publish.part()
        origin.publish.part()
        #expect(try segment.answer() == nil)
        origin.publish.close()
        #expect(try segment.answer()?.text.contains("/\(origin.first + 2).m4s\n") == true)
        #expect(origin.hub.parking.count == 0)
    }

    @Test("6.2.5.2: a part past the end of a segment is part 0 of the next, an open one is waited for")
    func pastTheEnd() throws {
        let origin = try started()
        let client = try origin.connect()
        // hls.js asks so when a segment had a part less than the one before.
        #expect(try client.get("\(path)?_HLS_msn=\(origin.first + 1)&_HLS_part=4")?.status == 200)
        #expect(try client.get("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=5") == nil)
        for _ in 0..<3 { origin.publish.part() }
        origin.publish.close()
        #expect(try client.answer() == nil)
        origin.publish.open(parts: 1)
        #expect(try client.answer()?.status == 200)
    }

    @Test("6.2.5.2: two segments ahead is waited for, three is 400, as is a part too far ahead")
    func ahead() throws {
        let origin = try started()
        let last = origin.first + 2
        #expect(try origin.connect().get("\(path)?_HLS_msn=\(last + 2)") == nil)
        #expect(try origin.connect().get("\(path)?_HLS_msn=\(last + 3)")?.status == 400)
        // 3 s are six parts of 0.525 s.
        #expect(try origin.connect().get("\(path)?_HLS_msn=\(last)&_HLS_part=6") == nil)
        #expect(try origin.connect().get("\(path)?_HLS_msn=\(last)&_HLS_part=7")?.status == 400)
    }

    @Test("6.2.6: the hinted part is held until it is whole, and 404 once it will not come")
    func hint() throws {
        let origin = try started()
        let media = "/live/demo/video/\(origin.epoch)/\(origin.first + 2)"
        let (comes, fails) = (try origin.connect(), try origin.connect())
        #expect(try comes.get("\(media).1.m4s") == nil)
        origin.publish.part(bytes: 5_000)
        let answer = try #require(try comes.answer())
        #expect(answer.body == LiveOrigin.Publish.media(.video, origin.first + 2, 1, count: 5_000))
        #expect(answer.fields["cache-control"] == "max-age=3600, immutable")
        #expect(try fails.get("\(media).2.m4s") == nil)
        #expect(try origin.connect().get("\(media).3.m4s")?.status == 404)
        origin.publish.close()
        let refusal = try #require(try fails.answer())
        #expect(refusal.status == 404)
        #expect(refusal.fields["cache-control"] == "max-age=2")
    }

    @Test("6.2.5.2: 503 with Retry-After when the stream has not advanced for three target durations")
    func expiry() throws {
        let origin = try started()
        let client = try origin.connect()
        let now = NIODeadline.now()
        #expect(try client.get("\(path)?_HLS_msn=\(origin.first + 3)") == nil)
        origin.hub.tick(at: now + .milliseconds(5_900))
        #expect(try client.answer() == nil)
        origin.hub.tick(at: now + .milliseconds(6_100))
        let answer = try #require(try client.answer())
        #expect(answer.status == 503)
        #expect(answer.fields["retry-after"] == "1")
        #expect(answer.fields["cache-control"] == "no-store")
        #expect(answer.text.contains("urn:needletail:problem:hold-expired"))
        #expect(origin.hub.parking.count == 0)
        #expect(origin.hub.parking.counters.expired == 1)
        // The connection lives on.
        #expect(try client.get(path)?.status == 200)
    }

    @Test("6.2.5.2: where the stream is known to stand still, a request learns it after a part target")
    func stale() throws {
        let origin = try started()
        let rendition = try #require(origin.presentation?.rendition(of: .video))
        let presentation = try #require(origin.presentation)
        let fresh = presentation.holdDeadline(on: rendition, at: rendition.advancedAt + .seconds(1))
        #expect(fresh == rendition.advancedAt + .seconds(6))
        let late = rendition.advancedAt + .seconds(20)
        #expect(presentation.holdDeadline(on: rendition, at: late) == late + .milliseconds(525))
    }

    @Test(
        "Each limit refuses with 429, Retry-After and a problem document",
        arguments: [ParkingIndex.Excess.node, .channel, .address])
    func limits(excess: ParkingIndex.Excess) throws {
        let origin = try started(
            parking: .init(node: excess == .node ? 3 : .max, perAddress: excess == .address ? 3 : .max),
            perChannel: excess == .channel ? 3 : .max)
        let query = "\(path)?_HLS_msn=\(origin.first + 3)"
        let parked = try (0..<3).map { _ in try origin.connect() }
        for client in parked { #expect(try client.get(query) == nil) }
        let refused = try #require(try origin.connect().get(query))
        #expect(refused.status == 429)
        #expect(refused.fields["retry-after"] == "1")
        #expect(refused.fields["cache-control"] == "no-store")
        #expect(refused.fields["content-type"] == "application/problem+json")
        #expect(origin.hub.parking.counters.refused == [excess: 1])
        let elsewhere = try origin.connect(from: "192.0.2.2")
        #expect(try elsewhere.get(query)?.status == (excess == .address ? nil : 429))
        if excess == .address { elsewhere.vanish() }
        // A place that is given up can be had.
        parked.first?.vanish()
        #expect(try origin.connect().get(query) == nil)
    }

    @Test("A client that has gone leaves nothing behind, and the others get their answer")
    func abandoned() throws {
        let origin = try started()
        let clients = try (0..<200).map { _ in try origin.connect() }
        for client in clients { try client.send("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=1") }
        for client in clients.dropFirst(50).dropLast(50) { client.vanish() }
        #expect(origin.hub.parking.count == 100)
        #expect(origin.hub.parking.counters.abandoned == 100)
        origin.publish.part()
        #expect(try clients.prefix(50).allSatisfy { try $0.answer()?.status == 200 })
        #expect(try clients.suffix(50).allSatisfy { try $0.answer()?.status == 200 })
        #expect(origin.hub.parking.count == 0)
        #expect(origin.channel?.holds.count == 0)
    }

    @Test("Thousands are answered in turns of the loop, those who came first before the others")
    func turns() throws {
        let origin = try started()
        let count = 2 * ReleaseQueue.turn + 100
        let clients = try (0..<count).map { _ in try origin.connect() }
        for client in clients { try client.send("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=1") }
        origin.publish.part()
        #expect(origin.hub.parking.count == count - ReleaseQueue.turn)
        #expect(try clients.prefix(ReleaseQueue.turn).allSatisfy { try $0.answer() != nil })
        #expect(try clients.dropFirst(ReleaseQueue.turn).allSatisfy { try $0.answer() == nil })
        // Whoever leaves in between is forgotten, whoever comes waits for the next part.
        clients.last?.vanish()
        let next = try origin.connect()
        try next.send("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=2")
        origin.turn()
        #expect(try clients.dropFirst(ReleaseQueue.turn).dropLast().allSatisfy { try $0.answer()?.status == 200 })
        #expect(try next.answer() == nil)
        #expect(origin.hub.parking.count == 1)
    }

    @Test("Groups take turns: those who wait for a playlist do not wait for all who wait for a part")
    func fairness() throws {
        let origin = try started()
        let media = "/live/demo/video/\(origin.epoch)/\(origin.first + 2).1.m4s"
        let many = try (0..<600).map { _ in try origin.connect() }
        for client in many { try client.send(media) }
        let few = try (0..<10).map { _ in try origin.connect() }
        for client in few { try client.send("\(path)?_HLS_msn=\(origin.first + 2)&_HLS_part=1") }
        origin.publish.part()
        #expect(try few.allSatisfy { try $0.answer()?.status == 200 })
        #expect(origin.hub.parking.count == 610 - ReleaseQueue.turn)
        origin.turn()
        #expect(origin.hub.parking.count == 0)
    }

    @Test("The end releases everybody, and so does what a new publisher brings")
    func ends() throws {
        let origin = try started()
        let (ended, replaced) = (try origin.connect(), try origin.connect())
        try ended.send("\(path)?_HLS_msn=\(origin.first + 3)")
        origin.publish.leave()
        #expect(try ended.answer()?.text.hasSuffix("#EXT-X-ENDLIST\n") == true)
        try origin.publishAgain()
        origin.publish.track()
        origin.publish.open(parts: 1)
        try replaced.send("\(path)?_HLS_msn=\(origin.first + 1)")
        // A publisher that takes over goes on in the same playlist: who waits there waits on.
        try origin.publishAgain()
        #expect(try replaced.answer() == nil)
        origin.publish.track()
        origin.publish.add(1)
        #expect(try replaced.answer()?.status == 200)
        #expect(origin.hub.parking.count == 0)
    }

    @Test("Clients come, wait, leave and are answered at random: every count ends at nothing", arguments: 0..<2)
    func churn(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let origin = try LiveOrigin(parking: .init(node: 400, perAddress: 60), perChannel: 350)
        origin.publish.track()
        origin.publish.open(parts: 1)
        var clients: [LiveOrigin.Client] = []
        var answers = 0
        for step in 0..<2_500 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let client = try origin.connect(from: "192.0.2.\(Int.random(in: 1...9, using: &random))")
                let (msn, part) = (origin.publish.sequence, origin.publish.parts)
                let ahead = Int64.random(in: 0...2, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: try client.send("\(path)?_HLS_msn=\(msn + ahead)")
                case 1: try client.send("\(path)?_HLS_msn=\(msn)&_HLS_part=\(part + Int(ahead))")
                case 2: try client.send("\(path)?_HLS_msn=\(msn)&_HLS_part=\(part)", fields: ["accept-encoding: gzip"])
                default: try client.send("/live/demo/video/\(origin.epoch)/\(msn).\(part).m4s")
                }
                clients.append(client)
            case 5..<8 where !clients.isEmpty:
                let client = clients.remove(at: Int.random(in: clients.indices, using: &random))
                if try client.answer() != nil { answers += 1 }
                client.vanish()
            case 8:
                if origin.publish.parts == 4 {
                    origin.publish.close()
                    origin.publish.open()
                }
                if Int.random(in: 0..<8, using: &random) == 0 { origin.publish.part() }
            case 9 where Int.random(in: 0..<8, using: &random) == 0:
                origin.hub.tick(at: .now() + .seconds(7))
            default: origin.turn()
            }
            if step % 600 == 599 {
                try origin.publishAgain()
                origin.publish.track()
                origin.publish.open(parts: 1)
            }
        }
        #expect(answers > 100)
        origin.publish.leave()
        origin.turn()
        #expect(origin.hub.parking.count == 0)
        #expect(origin.channel?.holds.count == 0)
        for client in clients { client.vanish() }
        #expect(origin.registry.counters.openConnections == 0)
        let counters = origin.hub.parking.counters
        #expect(counters.abandoned > 50)
        #expect(counters.expired > 0)
        #expect(counters.parked > 500)
    }
}
