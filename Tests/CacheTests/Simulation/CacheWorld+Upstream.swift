import HTTP
import NIOCore
import Seeded

@testable import Cache

/// What upstreams do to the store: fetches that go well or badly, pushes, words that come too late, restarts.
extension CacheWorld {
    // MARK: Fetches

    /// The next word of a fetch is due.
    mutating func advance(_ fill: FillID) {
        guard let fetch = fetches[fill] else { return }
        guard fetch.hasHead else {
            switch fetch.course {
            case .diesBeforeHead:
                note(.diedBeforeHead)
                return die(fill)
            case .silentBeforeHead:
                note(.silenceBeforeHead)
                return die(fill)
            default:
                return sendHead(fill, fetch)
            }
        }
        if fetch.pieces > 0, fetch.course == .diesInBody || fetch.course == .silentInBody {
            note(fetch.course == .diesInBody ? .diedInBody : .silenceInBody)
            return die(fill)
        }
        let text = text(fetch.asset, version: fetch.version ?? 0)
        guard let piece = nextPiece(of: text, fill) else {
            close(fill)
            return perform(subject.finish(fill, at: now))
        }
        if fetch.course == .trickling { note(.bodyTrickled) }
        perform(subject.body(fill, piece))
        dropUnlessWanted(fill)
    }

    /// What comes next of a body, and when something comes after it; nil at its end.
    private mutating func nextPiece(of text: ByteBuffer, _ fill: FillID) -> ByteBuffer? {
        guard var sent = fetches[fill] else { return nil }
        let left = text.readableBytes - sent.sentBytes
        guard left > 0 else { return nil }
        let isLast = sent.pieces == SimulatedFetch.mostPieces - 2
        let tears = sent.course == .diesInBody || sent.course == .silentInBody
        let count = isLast ? left : Int.random(in: 1...(tears ? max(1, left - 1) : left), using: &random)
        let piece = text.getSlice(at: sent.sentBytes, length: count)
        sent.pieces += 1
        sent.sentBytes += count
        let pause = sent.course.timeToPiece(using: &random)
        sent.due = now + (sent.course == .silentInBody ? SimulatedFetch.longestSilence : pause)
        fetches[fill] = sent
        return piece
    }

    private mutating func sendHead(_ fill: FillID, _ fetch: SimulatedFetch) {
        if fetch.course == .lateHead { note(.headLate) }
        let version = version(fetch.asset)
        let tag = "\"\(version)\""
        var head = ResponseHead(status: [200, 200, 200, 200, 404, 500].randomElement(using: &random) ?? 200)
        if fetch.validator == tag, !chance(3) {
            note(.notModified)
            head.status = 304
        }
        let control =
            [
                "max-age=1", "max-age=60", "max-age=60", "no-store", "private", "no-cache",
                "max-age=1, stale-if-error=5", "max-age=2, stale-while-revalidate=60",
            ]
            .randomElement(using: &random) ?? "no-store"
        head.fields.append("cache-control", control)
        head.fields.append("x-asset", fetch.asset.name)
        head.fields.append("etag", tag)
        if Asset.varies(fetch.asset.path) { head.fields.append("vary", "x-kind") }
        if head.status != 304, Bool.random(using: &random) {
            head.fields.append("content-length", decimal: text(fetch.asset, version: version).readableBytes)
        }
        let isUnshareable =
            ["no-store", "private"].contains(control) || control == "no-cache" && head.status != 200
        fetches[fill]?.version = version
        fetches[fill]?.isShared = fetch.asset.isLive || !isUnshareable
        fetches[fill]?.due = now + fetch.course.timeToPiece(using: &random)
        let before = store.fillCount
        let effects = subject.head(fill, head, at: now, unixSeconds: 1_000)
        // What is confirmed, or stood in for by what is held, needs no body.
        if store.fillCount < before { close(fill) }
        perform(effects)
        dropUnlessWanted(fill)
    }

    /// As the edge does: what nobody wants and nobody keeps is not fetched to its end.
    private mutating func dropUnlessWanted(_ fill: FillID) {
        guard fetches[fill] != nil, !store.isWanted(fill) else { return }
        note(.fillCancelled)
        close(fill)
        perform(subject.fail(fill, at: now))
    }

    /// The connection is gone, or silent for too long. Before its head, a fetch is tried once more.
    private mutating func die(_ fill: FillID) {
        guard let fetch = fetches[fill] else { return }
        if fetch.attempts == 1, store.mayRetry(fill) {
            note(.retried)
            var again = self.fetch(fetch.asset, fetch.validator)
            again.attempts = 2
            fetches[fill] = again
            return
        }
        close(fill)
        perform(subject.fail(fill, at: now))
    }

    /// No word of this fetch counts any more.
    private mutating func close(_ fill: FillID) {
        fetches[fill] = nil
        departed.append(fill)
    }

    /// Words that were on their way when their fetch was cancelled or ended.
    mutating func speakForTheDead() {
        guard let fill = departed.randomElement(using: &random) else { return }
        note(.wordOfTheDead)
        let before = store.storedBytes
        let effects: [CacheStore.Effect]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: effects = store.head(fill, ResponseHead(status: 200), at: now, unixSeconds: 1_000)
        case 1: effects = store.body(fill, ByteBuffer(string: "late"))
        case 2: effects = store.finish(fill, at: now)
        default: effects = store.fail(fill, at: now)
        }
        if !effects.isEmpty || store.storedBytes != before { fault(.ownBytes, "a fill that is over has an effect") }
    }

    // MARK: Pushes

    /// An upstream pushes something live, whether or not it has been fetched, is being fetched, or is on its way already.
    mutating func push() {
        let path = Asset.path(Int.random(in: 0..<5, using: &random))
        let asset = Asset(path: path, kind: 0)
        guard !pushes.values.contains(where: { $0.asset == asset }) else { return }
        let holding = store.holding(of: HTTPBytes(path), at: now)
        if holding.held != nil { return note(.pushOfHeld) }
        if holding.isFilling { return note(.pushOfFilling) }
        lastPush += 1
        pushes[lastPush] = fetch(asset, nil)
        for fill in holding.led {
            note(.pushTookOver)
            close(fill)
            for waiter in store.handOver(fill) {
                if waiting[waiter]?.waitsFor != .fill(fill) { fault(.answeredOnce, "\(waiter) waits elsewhere") }
                waiting[waiter]?.waitsFor = .push(lastPush)
            }
        }
    }

    /// A push begins, brings its bytes at once or fails; who waits for it is answered, or asks upstream.
    mutating func advancePush(_ id: Int) {
        guard let push = pushes.removeValue(forKey: id) else { return }
        let waiters = waiting.filter { $0.value.waitsFor == .push(id) }.keys.sorted()
        let dies = ![.prompt, .lateHead, .trickling].contains(push.course)
        if dies { note(.pushDied) }
        for waiter in waiters {
            guard let client = waiting.removeValue(forKey: waiter) else { continue }
            if dies {
                look(up: client.asset, client.request, waiter, repeats: client.repeats)
            } else {
                finish(waiter, since: client.since)
            }
        }
    }

    // MARK: Restarts

    /// Every connection breaks; what comes from now on is of a new epoch, though its names go on.
    mutating func restartUpstream() {
        note(.upstreamRestarted)
        epoch += 1
        for fill in fetches.keys.sorted() { die(fill) }
        for push in pushes.keys.sorted() {
            pushes[push]?.course = .diesInBody
            advancePush(push)
        }
    }
}
