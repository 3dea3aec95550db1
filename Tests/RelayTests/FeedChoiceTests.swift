import Relay
import Testing

/// Which upstream feeds a channel, and how one takes over from another.
@Suite struct FeedChoiceTests {
    private struct Scene {
        var choice: FeedChoice
        var now = ContinuousClock.now
        static let partTarget = Duration.milliseconds(300)

        init(offering: Int...) {
            choice = FeedChoice(count: 2)
            for id in offering { _ = offers(id, true) }
        }

        mutating func offers(_ id: Int, _ isOffering: Bool) -> [FeedChoice.Effect] {
            var effects: [FeedChoice.Effect] = []
            choice.offers(id, isOffering, at: now, effects: &effects)
            return effects
        }

        mutating func promised(_ id: Int, isNew: Bool = true) -> [FeedChoice.Effect] {
            var effects: [FeedChoice.Effect] = []
            choice.promised(by: id, isNew: isNew, at: now, effects: &effects)
            return effects
        }

        mutating func closed(_ id: Int, isRefused: Bool = false) -> [FeedChoice.Effect] {
            var effects: [FeedChoice.Effect] = []
            choice.closed(id, isRefused: isRefused, at: now, effects: &effects)
            return effects
        }

        mutating func after(_ milliseconds: Int, expects: Bool = true) -> [FeedChoice.Effect] {
            now += .milliseconds(milliseconds)
            var effects: [FeedChoice.Effect] = []
            choice.tick(at: now, expected: expects ? Self.partTarget : nil, effects: &effects)
            return effects
        }
    }

    @Test func theFirstThatOffersFeedsAndNobodyElseIsAsked() {
        var scene = Scene(offering: 0, 1)
        #expect(scene.choice.main == 0)
        #expect(scene.promised(0) == [.moved(from: nil, to: 0)])
        #expect(scene.after(300) == [])
    }

    @Test func whoIsSilentForAPartTargetIsLeftWithin200Milliseconds() {
        var scene = Scene(offering: 0, 1)
        _ = scene.promised(0)
        #expect(scene.after(401) == [.probe(0), .subscribe(1)])
        #expect(scene.choice.main == 0)
        #expect(scene.promised(1) == [])
        #expect(scene.after(60) == [.unsubscribe(0), .moved(from: 0, to: 1)])
        #expect(scene.choice.main == 1)
    }

    @Test func whoGoesOnInTimeIsKept() {
        var scene = Scene(offering: 0, 1)
        _ = scene.promised(0)
        _ = scene.after(401)
        #expect(scene.promised(0) == [.unsubscribe(1)])
        #expect(scene.choice.main == 0 && scene.choice.standby == nil)
    }

    @Test func aBrokenConnectionIsReplacedAtOnce() {
        var scene = Scene(offering: 0, 1)
        _ = scene.promised(0)
        #expect(scene.closed(0) == [.subscribe(0)])
        #expect(scene.offers(0, false) == [.subscribe(1)])
        #expect(scene.promised(1) == [.moved(from: 0, to: 1)])
    }

    @Test func whoRefusesIsAskedAgainLater() {
        var scene = Scene(offering: 0)
        #expect(scene.closed(0, isRefused: true) == [])
        #expect(scene.after(400) == [])
        #expect(scene.after(150) == [.subscribe(0)])
        #expect(scene.closed(0, isRefused: true) == [])
        #expect(scene.after(900) == [])
        #expect(scene.after(150) == [.subscribe(0)])
    }

    @Test func whatNobodyExpectsIsNotMissed() {
        var scene = Scene(offering: 0, 1)
        _ = scene.promised(0)
        #expect(scene.after(60_000, expects: false) == [])
    }

    @Test func thePreferredOneGetsItsPlaceBackOnceItIsSound() {
        var scene = Scene(offering: 1)
        _ = scene.promised(1)
        _ = scene.offers(0, true)
        for _ in 0..<99 {
            #expect(scene.after(100) == [])
            #expect(scene.promised(1) == [])
        }
        #expect(scene.after(100) == [.subscribe(0)])
        // Make before break: the other is left once this one has shown that it pushes.
        #expect(scene.promised(0, isNew: false) == [])
        #expect(scene.promised(1) == [])
        #expect(scene.promised(0, isNew: false) == [])
        #expect(scene.promised(0) == [.unsubscribe(1), .moved(from: 1, to: 0)])
    }

    @Test func whenNobodyWantsTheChannelNobodyIsSubscribedTo() {
        var scene = Scene(offering: 0, 1)
        _ = scene.promised(0)
        var effects: [FeedChoice.Effect] = []
        scene.choice.stop(effects: &effects)
        #expect(effects == [.unsubscribe(0)])
        #expect(!scene.choice.isSubscribed)
    }
}
