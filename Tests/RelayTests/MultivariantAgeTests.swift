import Cache
import HLS
import HTTP
import NIOCore
import Relay
import Testing

/// The multivariant playlist is pushed when it may have changed: while parts are pushed it is as young as they are.
@Test func aMultivariantPlaylistIsAsYoungAsTheLastState() throws {
    var receiver = RelayReceiver(channel: "demo", limits: .init())
    var origin = LiveOrigin()
    var effects: [RelayEffect] = []
    let begun = ContinuousClock.now
    _ = receiver.touch("video", at: begun)
    receiver.opened(0)

    func push(_ objects: [RelayObject], at now: ContinuousClock.Instant) {
        for object in objects {
            guard let id = receiver.promised(object.promise, from: 0, at: now, effects: &effects) else { continue }
            receiver.head(id, object.head, at: now, effects: &effects)
            for chunk in object.body.chunks { receiver.body(id, chunk, at: now, effects: &effects) }
            receiver.ended(id, at: now, effects: &effects)
        }
    }
    var head = ResponseHead(status: 200)
    head.fields.append("cache-control", "max-age=1")
    let multivariant = RelayObject(
        .multivariant(isGzipped: false), rendition: nil, target: HTTPBytes("/live/demo/index.m3u8"), head: head,
        body: SharedBody(whole: [ByteBuffer(string: "#EXTM3U\n")]), at: begun)
    push([multivariant] + origin.advance(at: begun), at: begun)
    let later = begun + .seconds(5)
    push(origin.advance(at: later), at: later)
    let decision = receiver.ask(
        .multivariant, path: HTTPBytes("/live/demo/index.m3u8"), directives: .success(DeliveryDirectives()),
        takesGzip: false, waiter: 1, at: later, canPull: true)
    guard case .answer(.object(let answer)) = decision else {
        Issue.record("it was not answered: \(decision)")
        return
    }
    #expect(answer.arrivedAt == later)
}
