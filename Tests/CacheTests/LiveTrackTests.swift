import Cache
import Testing

/// The live window: rows by number, freed from the old end.
@Suite struct LiveTrackTests {
    private func track(groups: ClosedRange<Int64>, of count: Int = 3, budget: Int = 1_000_000) -> LiveTrack<String> {
        var track = LiveTrack<String>(budgetBytes: budget)
        for group in groups {
            for index in 0..<count { track.put("\(group).\(index)", group: group, index: index, bytes: 10) }
        }
        return track
    }

    @Test func objectsAreFoundByTheirPlace() {
        let track = track(groups: 5...7)
        #expect(track[group: 6, index: 2] == "6.2")
        #expect(
            track[group: 6, index: 3] == nil && track[group: 4, index: 0] == nil && track[group: 8, index: 0] == nil)
        #expect(track.first == 5 && track.last == 7 && track.bytes == 90)
    }

    @Test func aGroupIsWholeWhenItIsClosedAndNothingIsMissing() {
        var track = track(groups: 5...5)
        #expect(track.whole(5) == nil)
        track.close(group: 5, count: 4)
        #expect(track.whole(5) == nil)
        track.close(group: 5, count: 3)
        #expect(track.whole(5) == ["5.0", "5.1", "5.2"])
        track.remove(group: 5, index: 1)
        #expect(track.whole(5) == nil && track.bytes == 20)
    }

    @Test func theWindowMovesAndWhatItPassedDoesNotComeBack() {
        var track = track(groups: 5...9)
        track.drop(before: 8)
        #expect(track.first == 8 && track.bytes == 60)
        let wasKept = track.put("late", group: 7, index: 0, bytes: 10)
        #expect(!wasKept)
    }

    @Test func anOlderGroupFindsItsPlaceWhileTheWindowHasNotPassedIt() {
        var track = track(groups: 9...9)
        let wasKept = track.put("7.0", group: 7, index: 0, bytes: 10)
        #expect(wasKept)
        #expect(track.first == 7 && track[group: 9, index: 0] == "9.0")
    }

    @Test func bytesAreBoundedByTheOldestGroups() {
        let track = track(groups: 1...10, budget: 95)
        #expect(track.bytes <= 95 && track.first == 8 && track.last == 10)
    }

    @Test func theNewestGroupStaysHoweverLargeItIs() {
        let track = track(groups: 1...1, of: 50, budget: 95)
        #expect(track.bytes == 500)
    }

    @Test func aNumberFarAheadBeginsAnew() {
        var track = track(groups: 1...3)
        track.put("far", group: 1_000_000, index: 0, bytes: 1)
        #expect(track.first == 1_000_000 && track.bytes == 1)
    }

    @Test(arguments: [(-1, 0), (Int64.max, 0), (1, -1), (1, 4_096)])
    func placesThatMakeNoSenseAreRefused(group: Int64, index: Int) {
        var track = track(groups: 1...1)
        let wasKept = track.put("x", group: group, index: index, bytes: 1)
        #expect(!wasKept)
    }
}
