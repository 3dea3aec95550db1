import Cache
import HTTP
import NIOCore
import Relay
import Seeded

/// What comes to the edge: pushes of shields, which the origin pushes, and fetches of what they left out.
extension RelayWorld {
    // MARK: Between origin and shields

    mutating func publish(_ objects: [RelayObject]) {
        unread += objects
        for index in shields.indices { shields[index].inbox += objects }
    }

    /// What a shield that knows all pushes to who subscribes. Of the states that have come since, the newest says all.
    mutating func snapshot(after held: RelayRequest.Held?) -> [RelayObject] {
        var effects: [RelayEffect] = []
        for object in unread {
            if case .state(let revision, _) = object.kind, revision < origin.revision { continue }
            guard let id = upper.promised(object.promise, from: 0, at: now, effects: &effects) else { continue }
            upper.head(id, object.head, at: now, effects: &effects)
            for chunk in object.body.chunks { upper.body(id, chunk, at: now, effects: &effects) }
            upper.ended(id, at: now, effects: &effects)
        }
        unread = []
        return upper.snapshot("video", after: held)
    }

    mutating func passOn(_ index: Int) {
        guard !shields[index].isPaused else { return }
        for object in shields[index].inbox.prefix(8) { shields[index].sender?.offer(object) }
        shields[index].inbox.removeFirst(min(8, shields[index].inbox.count))
        if shields[index].inbox.isEmpty { shields[index].isNew = false }
    }

    // MARK: Between shields and the edge

    mutating func offer(_ index: Int, _ isUp: Bool) {
        shields[index].isUp = isUp
        if !isUp { cut(index) }
        var effects: [FeedChoice.Effect] = []
        if isWatched || !isUp { choice.offers(index, isUp, at: now, effects: &effects) }
        perform(effects)
    }

    /// The connection breaks: nothing more comes, what had begun is lost.
    mutating func cut(_ index: Int) {
        for transfer in shields[index].transfers { note(transfer.hasHead ? .pushDiedInBody : .pushDiedBeforeHead) }
        shields[index].sender = nil
        shields[index].transfers = []
        perform(edge.closed(index, at: now))
    }

    mutating func perform(_ effects: [FeedChoice.Effect]) {
        for effect in effects {
            switch effect {
            case .subscribe(let index):
                guard shields[index].isUp else { continue }
                edge.opened(index)
                var sender = RelaySender(wants: ["video"], openLimit: Int.random(in: 2...20, using: &random))
                let held = edge.receiver.request(for: ["video"]).wants["video"] ?? nil
                if !shields[index].isNew { for object in snapshot(after: held) { sender.offer(object) } }
                shields[index].sender = sender
            case .unsubscribe(let index): cut(index)
            case .probe, .moved: break
            }
        }
    }

    /// An upstream pushes once more what has been there before: what is held, fetched, shown, or has left the window.
    mutating func pushAgain(_ index: Int) {
        guard shields[index].sender != nil else { return }
        if let target = fills.keys.min(by: { $0.lexicographicallyPrecedes($1) }), !chance(3),
            let object = origin.history.first(where: { $0.target == target })
        {
            shields[index].sender?.offer(object)
        } else if let object = (chance(2) ? origin.history.suffix(20) : origin.history.prefix(60))
            .randomElement(using: &random)
        {
            shields[index].sender?.offer(object)
        }
    }

    /// One step of a connection: a promise, a head, some bytes or an end.
    mutating func transfer(_ index: Int) {
        guard shields[index].isUp, !shields[index].isPaused, shields[index].sender != nil else { return }
        if Bool.random(using: &random), let object = shields[index].sender?.next() { return promise(object, by: index) }
        guard let place = shields[index].transfers.indices.randomElement(using: &random),
            shields[index].transfers[place].due <= now
        else { return }
        advance(place, of: index)
    }

    private mutating func promise(_ object: RelayObject, by index: Int) {
        let id = isTaken(object, from: index)
        if let id {
            var transfer = Transfer(object: object, id: id, course: course(), due: now)
            switch transfer.course {
            case .lateHead:
                note(.pushHeadLate)
                transfer.due = wait(100...900)
            case .silent:
                note(.pushSilent)
                transfer.due = now + .seconds(60)
            default: break
            }
            shields[index].transfers.append(transfer)
        } else {
            shields[index].sender?.ended()
        }
        var moves: [FeedChoice.Effect] = []
        choice.promised(by: index, isNew: id != nil, at: now, effects: &moves)
        perform(moves)
    }

    /// Offers a promise to the edge, as its cache does: what that holds or has begun to fetch need not be pushed.
    private mutating func isTaken(_ object: RelayObject, from index: Int) -> PushID? {
        let target = object.target
        if cached.contains(target), let bytes = origin.media[target] {
            note(.pushOfFetched)
            perform(edge.filled(target, bytes, at: now))
            return nil
        }
        if fills[target]?.hasBegun == true {
            note(.pushOfFilling)
            return nil
        }
        let isHeld = edge.holds(target)
        let shown = edge.shownRevision
        let (id, effects) = edge.promised(object.promise, from: index, at: now)
        switch object.kind {
        case .state(let revision, _) where shown.map { revision <= $0 } ?? false:
            note(.pushOfShown)
            if id != nil { fault(.oneFill, "state \(revision) is taken and \(shown ?? 0) is shown") }
        case .part where isHeld:
            note(.pushOfHeld)
            if id != nil { fault(.oneFill, "\(target.text) is taken and held") }
        case .part where id == nil && origin.hasLeft(object): note(.pushOfDeparted)
        default: break
        }
        if id != nil, fills.removeValue(forKey: target) != nil { note(.fillCancelled) }
        perform(effects)
        return id
    }

    private mutating func advance(_ place: Int, of index: Int) {
        var transfer = shields[index].transfers[place]
        let bytes = transfer.object.body.chunks.first ?? ByteBuffer()
        let left = bytes.readableBytes - transfer.sentBytes
        let dies =
            transfer.hasHead
            ? transfer.course == .diesInBody && transfer.sentBytes > 0 : transfer.course == .diesBeforeHead
        if dies {
            note(transfer.hasHead ? .pushDiedInBody : .pushDiedBeforeHead)
            end(place, of: index)
            return perform(edge.failed(transfer.id, at: now))
        }
        if !transfer.hasHead {
            transfer.hasHead = true
            shields[index].transfers[place] = transfer
            return perform(edge.head(transfer.id, transfer.object.head, at: now))
        }
        guard left > 0 else {
            if case .part = transfer.object.kind, !arrivals.insert(transfer.object.target).inserted {
                fault(.oneFill, "\(transfer.object.target.text) came twice")
            }
            end(place, of: index)
            return perform(edge.ended(transfer.id, at: now))
        }
        let count = Int.random(in: 1...left, using: &random)
        let piece = bytes.getSlice(at: bytes.readerIndex + transfer.sentBytes, length: count) ?? ByteBuffer()
        transfer.sentBytes += count
        if transfer.course == .trickling {
            note(.pushTrickled)
            transfer.due = wait(20...300)
        }
        shields[index].transfers[place] = transfer
        perform(edge.body(transfer.id, piece, at: now))
    }

    private mutating func end(_ place: Int, of index: Int) {
        shields[index].transfers.remove(at: place)
        shields[index].sender?.ended()
    }

    /// The edge does not want a push any more.
    mutating func cancel(_ id: PushID) {
        for index in shields.indices {
            guard let place = shields[index].transfers.firstIndex(where: { $0.id == id }) else { continue }
            note(.pushCancelled)
            end(place, of: index)
        }
    }

    // MARK: Fetches of what is listed

    mutating func beginFill(_ target: HTTPBytes) {
        if let under = fills[target] {
            guard under.isForgotten else { return fault(.oneFill, "\(target.text) is fetched twice at once") }
            // The cache knows of it still, and lets it be joined.
            fills[target]?.isForgotten = false
            return
        }
        if edge.holds(target) { fault(.oneFill, "\(target.text) is fetched and held") }
        if edge.isComing(target) { fault(.oneFill, "\(target.text) is fetched and on its way") }
        if cached.contains(target), let bytes = origin.media[target] {
            return perform(edge.filled(target, bytes, at: now))
        }
        var fill = Fill(course: course(), due: wait(5...80))
        // Fetches go wrong more often than pushes: there are fewer of them.
        if !isCalm, chance(3) {
            fill.course = [.lateHead, .silent, .diesBeforeHead, .diesInBody].randomElement(using: &random) ?? .silent
        }
        switch fill.course {
        case .lateHead:
            note(.fillHeadLate)
            fill.due = wait(200...2_500)
        case .silent:
            // Another upstream is asked after a second, where there is one.
            note(.fillSilent)
            fill.due = shields.count > 1 ? wait(1_010...1_200) : wait(20_000...20_000)
        default: break
        }
        fills[target] = fill
    }

    mutating func advanceFills() {
        guard !fills.isEmpty else { return }
        for target in fills.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let fill = fills[target], fill.due <= now else { continue }
            let dies =
                fill.hasBegun
                ? fill.course == .diesInBody
                : fill.course == .diesBeforeHead || fill.course == .silent && shields.count == 1
            if dies {
                note(fill.hasBegun ? .fillDiedInBody : .fillDiedBeforeHead)
                fills[target] = nil
                edge.fillFailed(target)
            } else if !fill.hasBegun {
                fills[target] = Fill(
                    course: fill.course, due: wait(5...80), hasBegun: true, isForgotten: fill.isForgotten)
            } else if let bytes = origin.media[target] {
                note(.filled)
                fills[target] = nil
                cached.insert(target)
                perform(edge.filled(target, bytes, at: now))
            }
        }
    }

    // MARK: The edge itself

    /// Its process begins anew: connections, what it held and who waited are gone.
    mutating func restartEdge() {
        note(.edgeRestarted)
        for index in shields.indices {
            shields[index].sender = nil
            shields[index].transfers = []
        }
        waiting = [:]
        fills = [:]
        cached = []
        arrivals = []
        looked = [:]
        edge = EdgeUnderTest(mutation)
        choice = FeedChoice(count: shields.count)
        isWatched = false
        watch()
    }

    /// All viewers leave, for so long that the edge lets go of the rendition and of what it holds.
    mutating func loseInterest() {
        guard isWatched else { return }
        while !waiting.isEmpty { leave() }
        note(.interestLost)
        isWatched = false
        arrivals = []
        for target in fills.keys { fills[target]?.isForgotten = true }
        perform(edge.release())
        var effects: [FeedChoice.Effect] = []
        choice.stop(effects: &effects)
        perform(effects)
    }

    /// Someone asks again: upstreams are subscribed to.
    mutating func watch() {
        guard !isWatched else { return }
        isWatched = true
        edge.touch(at: now)
        for index in shields.indices where shields[index].isUp { offer(index, true) }
    }
}
