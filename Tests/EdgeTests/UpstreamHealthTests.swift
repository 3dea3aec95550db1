import Testing

@testable import Edge

/// The breaker of one upstream.
@Suite struct UpstreamHealthTests {
    private let now = ContinuousClock.now
    private let health = UpstreamHealth(first: .milliseconds(100), longest: .milliseconds(350))

    @Test func twoFailuresInARowOpenItAndOneDoesNot() {
        var health = health
        health.failed(at: now)
        #expect(health.admits(at: now) && health.isSound)
        health.succeeded(at: now)
        health.failed(at: now)
        #expect(health.admits(at: now))
        health.failed(at: now)
        #expect(!health.admits(at: now) && !health.isSound)
    }

    @Test func aProbeIsDueAfterATimeThatDoublesUpToTheLongest() {
        var health = health
        var now = now
        health.left(at: now)
        for pause in [100, 200, 350, 350] {
            #expect(!health.needsProbe(at: now + .milliseconds(pause - 1)))
            now += .milliseconds(pause)
            #expect(health.needsProbe(at: now) && !health.admits(at: now))
            health.failed(at: now)
        }
    }

    @Test func whatComesBackIsAskedALittleAtFirst() {
        var health = health
        var now = now
        health.left(at: now)
        health.probed(at: now)
        for _ in 0..<5 {
            #expect(health.admits(at: now) && !health.isSound)
            health.asked(at: now)
            #expect(!health.admits(at: now))
            health.succeeded(at: now)
            now += .milliseconds(100)
        }
        #expect(health.isSound && health.admits(at: now))
    }

    @Test func aFailureWhileItRecoversOpensItAgainAtOnce() {
        var health = health
        var now = now
        health.left(at: now)
        health.probed(at: now)
        health.failed(at: now)
        #expect(!health.admits(at: now) && !health.needsProbe(at: now + .milliseconds(199)))
        now += .milliseconds(200)
        #expect(health.needsProbe(at: now))
    }

    @Test func anAnswerToAnOlderRequestDoesNotCloseIt() {
        var health = health
        health.left(at: now)
        health.succeeded(at: now)
        #expect(!health.admits(at: now))
    }

    @Test func whatManyFindAtOnceIsFoundOnce() {
        var health = health
        for _ in 0..<10 { health.left(at: now) }
        #expect(health.needsProbe(at: now + .milliseconds(100)))
    }

    @Test func whoIsSuspectedIsSoundAndNotAskedMeanwhile() {
        var health = health
        health.suspected(until: now + .milliseconds(50))
        #expect(!health.admits(at: now + .milliseconds(49)) && health.isSound)
        #expect(health.admits(at: now + .milliseconds(50)))
        health.suspected(until: now + .milliseconds(90))
        health.suspected(until: now + .milliseconds(60))
        #expect(health.admits(at: now + .milliseconds(60)))
    }
}
