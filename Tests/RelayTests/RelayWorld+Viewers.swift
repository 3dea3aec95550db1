import Cache
import HTTP
import NIOCore
import Relay
import Seeded

/// What viewers ask, and what they are answered.
extension RelayWorld {
    mutating func ask() {
        guard let position = origin.timeline.position else { return }
        let (path, query): (String, String)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: (path, query) = ("playlist.m3u8", "")
        case 1: (path, query) = ("playlist.m3u8", "_HLS_msn=\(position.sequence)")
        case 2...4:
            (path, query) = (
                "playlist.m3u8",
                "_HLS_msn=\(position.sequence)&_HLS_part=\(position.part + Int.random(in: 0...2, using: &random))"
            )
        default:
            let hint = origin.timeline.hinted ?? position
            (path, query) = ("\(origin.epoch)/\(hint.sequence).\(hint.part).m4s", "")
        }
        request(HTTPBytes("/live/demo/video/\(path)"), HTTPBytes(query))
    }

    /// Returns whether it was answered at once.
    @discardableResult
    mutating func request(_ path: HTTPBytes, _ query: HTTPBytes) -> Bool {
        lastWaiter += 1
        waiting[lastWaiter] = Viewer(since: now, path: path)
        switch edge.ask(path, query, takesGzip: Bool.random(using: &random), waiter: lastWaiter, at: now) {
        case .answer(let answer):
            self.answer(lastWaiter, answer)
            return true
        case .held: note(.held)
        case .refuse:
            note(.refused)
            finish(lastWaiter)
        case .pull:
            note(.pulled)
            finish(lastWaiter)
            watch()
        }
        return false
    }

    mutating func leave() {
        guard let gone = waiting.keys.sorted().randomElement(using: &random) else { return }
        note(.left)
        waiting[gone] = nil
        edge.leave(gone)
    }

    // MARK: Answers

    /// What the edge wants done. Whom it answers with one call is of no consequence for their order.
    mutating func perform(_ effects: [RelayEffect]) {
        var settled: [(waiter: WaiterID, answer: RelayAnswer?)] = []
        for effect in effects {
            switch effect {
            case .answer(let waiter, let answer): settled.append((waiter, answer))
            case .refuse(let waiter, _):
                note(.refused)
                settled.append((waiter, nil))
            case .pull(let waiter):
                note(.pulled)
                settled.append((waiter, nil))
            case .fill(let target): beginFill(target)
            case .cancel(let id): cancel(id)
            case .grew, .publish, .warmed: break
            }
        }
        for (waiter, answer) in settled.sorted(by: { $0.waiter < $1.waiter }) {
            if let answer { self.answer(waiter, answer) } else { finish(waiter) }
        }
    }

    private mutating func finish(_ waiter: WaiterID) {
        guard let viewer = waiting.removeValue(forKey: waiter) else {
            return fault(.answeredOnce, "\(waiter) was answered and did not wait")
        }
        if !answered.insert(waiter).inserted { fault(.answeredOnce, "\(waiter) was answered twice") }
        if viewer.since.duration(to: now) > Self.longestWait { fault(.boundedWait, "\(waiter) waited too long") }
    }

    private mutating func answer(_ waiter: WaiterID, _ answer: RelayAnswer) {
        note(.answered)
        let path = waiting[waiter]?.path
        finish(waiter)
        switch answer {
        case .object(let object):
            if object.target != path { fault(.ownBytes, "\(waiter) was answered with \(object.target.text)") }
            check(object)
        case .segment(let parts): for part in parts { check(part) }
        case .playlist(let object, _, _, _):
            guard case .state(let revision, _) = object.kind, let truth = origin.states[revision],
                object.body.isComplete, object.body.chunks == [truth.text]
            else { return fault(.ownBytes, "\(waiter) got another playlist or half of one") }
            guard looked[revision] != steps else { return }
            looked[revision] = steps
            // The barrier: each part that is listed is answered at once, and wholly there.
            for target in truth.listed {
                if !request(target, []) || !edge.holds(target) {
                    fault(.listedIsHeld, "\(target.text) is listed and not held")
                }
            }
        }
    }

    private mutating func check(_ object: RelayObject) {
        guard let truth = origin.media[object.target] else {
            return fault(.ownBytes, "there is no \(object.target.text)")
        }
        var offset = 0
        for chunk in object.body.chunks {
            if truth.getSlice(at: truth.readerIndex + offset, length: chunk.readableBytes) != chunk {
                return fault(.ownBytes, "\(object.target.text) has another's bytes")
            }
            offset += chunk.readableBytes
        }
        if offset != truth.readableBytes {
            fault(.listedIsHeld, "\(object.target.text) has \(offset) bytes of \(truth.readableBytes)")
        }
    }
}
