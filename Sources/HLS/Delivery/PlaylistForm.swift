/// Which of a playlist's texts a client asked for.
package struct PlaylistForm: Hashable, Sendable {
    package let skip: SkipRequest?
    package let isGzipped: Bool

    package init(skip: SkipRequest?, isGzipped: Bool) {
        self.skip = skip
        self.isGzipped = isGzipped
    }
}
