import Cache
import HLS
import HTTP

/// What viewers are answered from what was pushed, at once or when it has come.
extension RelayReceiver {
    // MARK: Showing

    mutating func settle(_ name: String, effects: inout [RelayEffect]) {
        guard var rendition = renditions[name] else { return }
        let wasCold = rendition.shown == nil
        let hasAdvanced = rendition.advance()
        for target in rendition.toFill() { effects.append(.fill(target)) }
        renditions[name] = rendition
        guard hasAdvanced, let shown = rendition.shown, let contents = shown.contents else { return }
        if wasCold { effects.append(.warmed(rendition: name)) }
        guard !rendition.holds.isEmpty else { return }
        for want in Array(rendition.holds.wants) {
            switch want {
            case .playlist(let form, let target):
                guard contents.reload.isSatisfied(target), let text = shown.text(for: form) else { continue }
                let answer = RelayAnswer.playlist(
                    text, isBlocking: true, targetDuration: contents.targetDuration, isStale: false)
                for waiter in release(want, of: name) { effects.append(.answer(waiter, answer)) }
            case .media(let target):
                // A part that is neither here nor on its way, nor hinted at any more, will not come.
                if rendition.object(target) != nil || contents.hinted.contains(target) { continue }
                if rendition.filling.contains(target) { continue }
                for waiter in release(want, of: name) { effects.append(.refuse(waiter, .hintFailed)) }
            }
        }
    }

    mutating func answerMedia(of name: String, _ object: RelayObject, effects: inout [RelayEffect]) {
        for waiter in release(.media(object.target), of: name) { effects.append(.answer(waiter, .object(object))) }
    }

    mutating func pullMedia(of name: String, _ target: HTTPBytes, effects: inout [RelayEffect]) {
        for waiter in release(.media(target), of: name) { effects.append(.pull(waiter)) }
    }

    mutating func release(_ want: HoldWant, of name: String) -> [WaiterID] {
        let waiters = renditions[name]?.holds.release(want) ?? []
        for waiter in waiters { places[waiter] = nil }
        return waiters
    }

    // MARK: Viewers

    /// Decides a viewer's request for `target`, whose path is `path`. `canPull` is false while no upstream answers.
    package mutating func ask(
        _ target: LiveTarget, path: HTTPBytes, directives: Result<DeliveryDirectives, DirectiveError>,
        takesGzip: Bool, waiter: WaiterID, at now: ContinuousClock.Instant, canPull: Bool
    ) -> RelayDecision {
        guard let name = target.rendition else {
            let isFed = renditions.values.contains { self.isFed($0, at: now) }
            guard let multivariant = multivariants[takesGzip] ?? multivariants[false], multivariant.body.isComplete,
                isFed || !canPull
            else { return .pull }
            return .answer(.object(multivariant))
        }
        guard let rendition = renditions[name] else { return .pull }
        switch target {
        case .multivariant: return .pull
        case .playlist:
            return playlist(
                rendition, name, directives, takesGzip: takesGzip, waiter: waiter, at: now, canPull: canPull)
        case .media(_, let epoch, let media):
            return self.media(media, epoch, path, rendition, name, waiter: waiter, at: now)
        }
    }

    private mutating func playlist(
        _ rendition: Rendition, _ name: String, _ directives: Result<DeliveryDirectives, DirectiveError>,
        takesGzip: Bool, waiter: WaiterID, at now: ContinuousClock.Instant, canPull: Bool
    ) -> RelayDecision {
        let isFed = isFed(rendition, at: now)
        guard let shown = rendition.shown, let contents = shown.contents, isFed || !canPull else { return .pull }
        let asked: DeliveryDirectives
        switch directives {
        case .failure(let error):
            return .refuse(.malformedDirective(reason: "\(error)", targetDuration: contents.targetDuration))
        case .success(let read): asked = read
        }
        let form = PlaylistForm(skip: asked.skip, isGzipped: takesGzip)
        switch contents.reload.decide(asked) {
        case .ready:
            guard let text = shown.text(for: form) else { return .pull }
            return .answer(
                .playlist(
                    text, isBlocking: asked.msn != nil, targetDuration: contents.targetDuration, isStale: !isFed))
        case .hold(let until):
            return hold(waiter, for: .playlist(form, until), name, at: now)
        case .badRequest(let reason):
            return .refuse(.tooFarAhead(reason: reason))
        }
    }

    private mutating func media(
        _ media: MediaName, _ epoch: String, _ path: HTTPBytes, _ rendition: Rendition, _ name: String,
        waiter: WaiterID, at now: ContinuousClock.Instant
    ) -> RelayDecision {
        if case .segment(let sequence) = media {
            guard let parts = rendition.track.whole(sequence),
                parts.allSatisfy({ part in
                    if case .part(epoch, _) = part.kind { part.body.isComplete } else { false }
                })
            else { return .pull }
            return .answer(.segment(parts))
        }
        if let object = rendition.object(path, media), !object.body.isFailed {
            if object.body.isComplete { return .answer(.object(object)) }
            return hold(waiter, for: .media(path), name, at: now)
        }
        let isHinted = rendition.shown?.contents?.hinted.contains(path) ?? false
        guard rendition.filling.contains(path) || isHinted && isFed(rendition, at: now) else { return .pull }
        return hold(waiter, for: .media(path), name, at: now)
    }

    private mutating func hold(
        _ waiter: WaiterID, for want: HoldWant, _ name: String, at now: ContinuousClock.Instant
    ) -> RelayDecision {
        guard places.count < limits.holds else { return .pull }
        renditions[name]?.holds.add(waiter, for: want, at: now)
        places[waiter] = (name, want)
        return .held
    }

    /// Three target durations, and no longer than ten seconds.
    private static func holdLimit(_ rendition: Rendition) -> Duration {
        .seconds(min(3 * (rendition.shown?.contents?.targetDuration ?? 4), 10))
    }

    /// A viewer has gone.
    package mutating func leave(_ waiter: WaiterID) {
        guard let place = places.removeValue(forKey: waiter) else { return }
        renditions[place.rendition]?.holds.leave(waiter, from: place.want)
    }

    // MARK: Time

    /// Ends what has lasted too long. Call it many times a second.
    package mutating func tick(at now: ContinuousClock.Instant, canPull: Bool, effects: inout [RelayEffect]) {
        for id in pushes.keys.sorted() {
            guard let push = pushes[id], push.lastProgress.duration(to: now) >= patience else { continue }
            effects.append(.cancel(id))
            failed(id, at: now, effects: &effects)
        }
        for name in renditions.keys.sorted() {
            guard let rendition = renditions[name], !rendition.holds.isEmpty else { continue }
            let limit = Self.holdLimit(rendition)
            for (waiter, _) in renditions[name]?.holds.expire(after: limit, at: now) ?? [] {
                places[waiter] = nil
                effects.append(.refuse(waiter, .holdExpired(after: limit)))
            }
            guard canPull, !isFed(rendition, at: now) else { continue }
            for want in Array(rendition.holds.wants) {
                if case .media(let target) = want, rendition.filling.contains(target) { continue }
                for waiter in release(want, of: name) { effects.append(.pull(waiter)) }
            }
        }
    }
}
