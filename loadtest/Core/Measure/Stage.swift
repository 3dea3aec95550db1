/// The way of a part from the camera to the glass, cut where something can be seen. The stages of a part add up to the
/// age of its first frame when that is shown.
package enum Stage: Int, CaseIterable, Sendable, Codable {
    case encode, fill, publish, release, transfer, buffer

    package var name: String {
        switch self {
        case .encode: "captured to sent"
        case .fill: "part fills"
        case .publish: "part published"
        case .release: "playlist released"
        case .transfer: "part arrived"
        case .buffer: "shown"
        }
    }

    package var meaning: String {
        switch self {
        case .encode: "from the first frame's capture to its leaving the publisher: the encoder, or a late sender"
        case .fill: "until the part's last frame left the publisher: the price of the part's duration"
        case .publish: "until the part was whole at a client of the origin that waited for it"
        case .release: "until the playlist that lists it reached the viewer; nothing where the hinted part came first"
        case .transfer: "until the part's last byte was at the viewer"
        case .buffer: "until its first frame was shown: the distance from live that the player keeps"
        }
    }

    /// Microseconds of each stage. A moment that lies before the one in front of it, or is not known, takes no time; the
    /// sum is `shownAt` less capture in any case.
    package static func split(_ shown: ViewerModel.ShownPart, of part: StreamBook.Part) -> [Int64]? {
        guard let first = part.first, let last = part.last else { return nil }
        let moments = [
            first.sentAt, last.sentAt, part.publishedAt, min(shown.listedAt, shown.arrivedAt), shown.arrivedAt,
            shown.shownAt,
        ]
        var stages: [Int64] = []
        var before = first.capturedAt
        for moment in moments {
            let bounded = min(max(moment ?? before, before), max(shown.shownAt, before))
            stages.append(bounded - before)
            before = bounded
        }
        return stages
    }
}
