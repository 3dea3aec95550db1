import Testing

@testable import HLS

/// Names that are promises: `{epoch}/init.mp4`, `{epoch}/{msn}.m4s`, `{epoch}/{msn}.{part}.m4s`.
struct MediaNameTests {
    /// Segments 10 and 11 whole with four parts each, 12 open with two.
    static let timeline: LiveTimeline = {
        var feed = Feed()
        feed.add(2)
        feed.open(parts: 2)
        return feed.timeline
    }()

    @Test(
        "6.2.6: each name is what it names",
        arguments: [
            ("e1/init.mp4", MediaLookup.initSection(0)),
            ("e1/10.m4s", .segment(10)),
            ("e1/11.3.m4s", .part(MediaPosition(sequence: 11, part: 3))),
            ("e1/12.1.m4s", .part(MediaPosition(sequence: 12, part: 1))),
            (
                "e1/12.2.m4s",
                .hinted(MediaPosition(sequence: 12, part: 2), target: .hint(MediaPosition(sequence: 12, part: 2)))
            ),
        ])
    func known(name: String, lookup: MediaLookup) {
        #expect(Self.timeline.media(name) == lookup)
        #expect(Self.timeline.media(bytes: Array(name.utf8)) == lookup)
    }

    @Test(
        "6.2.6-S3: what is neither there nor hinted is unknown",
        arguments: [
            "", "e1", "e1/", "/", "e1//10.m4s", "/e1/10.m4s", "e2/10.m4s", "e1x/10.m4s", "E1/10.m4s",
            // Not there: the open segment as a whole, a part past the end of a whole one, the part after the hinted one.
            "e1/12.m4s", "e1/13.m4s", "e1/11.4.m4s", "e1/12.3.m4s", "e1/13.0.m4s", "e1/9.m4s", "e1/0.0.m4s",
            "e1/init-1.mp4", "e1/init-0.mp4", "e1/init-.mp4", "e1/init-01.mp4", "e1/init.m4s", "e1/initmp4",
            // One name each: no zeros, signs, escapes or anything after.
            "e1/010.m4s", "e1/+10.m4s", "e1/-10.m4s", "e1/10.00.m4s", "e1/10..m4s", "e1/.m4s", "e1/10.0.0.m4s",
            "e1/10.m4s?", "e1/10.m4s/", "e1/%31%30.m4s", "e1/10.m4S", "e1/10.mp4", "e1/10", "e1/10.0", "e1/ 10.m4s",
            "e1/../e1/10.m4s", "e1/1\u{0665}.m4s", "e1/99999999999999999999.m4s", "e1/9223372036854775807.m4s",
            "e1/10.99999999999999999999.m4s", "e1/999999999999999999.999999999999999999.m4s",
        ])
    func unknown(name: String) {
        #expect(Self.timeline.media(name) == .unknown)
    }

    @Test("before the first part nothing is hinted")
    func empty() {
        #expect(Feed().timeline.media("e1/10.0.m4s") == .unknown)
    }
}
