import Cache
import HLS
import HTTP
import NIOCore
import Testing

@testable import Relay

/// What a subscriber is pushed, and in which order.
@Suite struct RelaySenderTests {
    private func part(_ index: Int, of rendition: String = "video") -> RelayObject {
        object(.part(epoch: "e", MediaPosition(sequence: 1, part: index)), rendition, "1.\(index)")
    }

    private func state(_ revision: UInt64, isGzipped: Bool = false) -> RelayObject {
        object(.state(revision: revision, PlaylistForm(skip: nil, isGzipped: isGzipped)), "video", "\(revision)")
    }

    private func object(_ kind: RelayObject.Kind, _ rendition: String, _ name: String) -> RelayObject {
        RelayObject(
            kind, rendition: rendition, target: HTTPBytes("/\(name)"), head: ResponseHead(status: 200),
            body: SharedBody(whole: [ByteBuffer(string: name)]), at: .now)
    }

    private func drain(_ sender: inout RelaySender) -> [String] {
        var names: [String] = []
        while let object = sender.next() { names.append(object.target.text) }
        return names
    }

    @Test func onlyWantedRenditionsArePushed() {
        var sender = RelaySender(wants: ["video"])
        sender.offer(part(0))
        sender.offer(part(0, of: "audio"))
        #expect(drain(&sender) == ["/1.0"])
    }

    @Test func aSlowSubscriberGetsEveryPartAndTheNewestStateAlone() {
        var sender = RelaySender(wants: ["video"], openLimit: 1)
        for index in 0..<4 {
            sender.offer(part(index))
            sender.offer(state(UInt64(index), isGzipped: true))
            sender.offer(state(UInt64(index)))
        }
        var pushed: [String] = []
        while let object = sender.next() {
            pushed.append(object.target.text)
            sender.ended()
        }
        #expect(pushed == ["/1.0", "/1.1", "/1.2", "/1.3", "/3", "/3"])
    }

    @Test func noMoreAreOpenAtOnceThanAllowed() {
        var sender = RelaySender(wants: ["video"], openLimit: 2)
        for index in 0..<3 { sender.offer(part(index)) }
        #expect(drain(&sender).count == 2)
        sender.ended()
        #expect(drain(&sender) == ["/1.2"])
    }

    @Test func whatWaitsIsBounded() {
        var sender = RelaySender(wants: ["video"], openLimit: 0, queueLimit: 3)
        for index in 0..<3 { sender.offer(part(index)) }
        #expect(!sender.isOverrun)
        sender.offer(part(3))
        #expect(sender.isOverrun)
        // States take the place of older ones: however many come, they overrun nobody.
        var states = RelaySender(wants: ["video"], openLimit: 0, queueLimit: 3)
        for revision in 0..<100 { states.offer(state(UInt64(revision))) }
        #expect(states.queuedCount == 1 && !states.isOverrun)
        var bytes = RelaySender(wants: ["video"], openLimit: 0, queueBytes: 6)
        for index in 0..<2 { bytes.offer(part(index)) }
        #expect(!bytes.isOverrun)
        bytes.offer(part(2))
        #expect(bytes.isOverrun)
    }

    @Test func whatFailedWhileItWaitedIsNotPushed() {
        var sender = RelaySender(wants: ["video"])
        let torn = RelayObject(
            .initSection, rendition: "video", target: HTTPBytes("/x"), head: ResponseHead(status: 200),
            body: SharedBody(), at: .now)
        sender.offer(torn)
        torn.body.fail()
        #expect(drain(&sender) == [])
    }
}
