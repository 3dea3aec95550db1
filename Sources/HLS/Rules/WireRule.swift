/// A rule that only the wire shows: what a server answers, when, and what media it serves.
package enum WireRule: String, CaseIterable, Sendable {
    /// Whether the text says MUST, or recommends.
    package enum Level: String, Sendable { case must, should }

    // Playlists and blocking reload.
    case playlistReadable
    case reloadHolds
    case reloadHoldsForSegment
    case partPastEnd
    case oldSequenceAnswered
    case malformedRefused
    case farAheadRefused
    case holdEnds
    case endedAnswersAtOnce
    case partsOnTime
    case sameForEveryViewer

    // Delta updates.
    case deltaGiven
    case deltaSkipsOld
    case deltaCounts
    case deltaIsWhole

    // Media.
    case listedMediaAvailable
    case mediaReadable
    case boxesValid
    case mediaProfile
    case partDuration
    case segmentDuration
    case mediaContinues
    case shownInOrder
    case segmentIsItsParts
    case independentHolds
    case independentTold
    case segmentStartsIndependent
    case segmentHoldsIndependent
    case datesFollowMedia
    case datesNotInFuture
    case renditionsInSync
    case mediaUnchanged
    case mediaStays

    // Hints and reports.
    case hintDelivered
    case hintAtLineSpeed
    case reportsFresh

    // HTTP.
    case gzip
    case playlistType
    case mediaType
    case crossOrigin
    case exposedFields
    case plainPlaylistLifetime
    case blockingPlaylistLifetime
    case mediaLifetime
    case tooEarlyLifetime
    case failureLifetime
    case ageWithinLifetime
    case unknownIsNotFound
    case mediaNotRedirected
    case noCookies
    case urgency

    // The multivariant playlist.
    case codecsTold
    case codecsMatch
    case channelsMatch
    case channelsTold
    case resolutionMatches
    case videoRangeValid
    case videoRangeMatches
    case closedCaptionsAgree
    case pictureTold
    case averageBandwidthTold
    case bandwidthHolds
    case audioGroupDefined
    case independentSegmentsTold

    /// As `PlaylistRule.section`.
    package var section: String { text.section }

    /// What it asks for.
    package var sentence: String { text.sentence }

    package var level: Level {
        switch self {
        case .deltaGiven, .independentTold, .channelsTold, .mediaType, .blockingPlaylistLifetime, .mediaLifetime,
            .urgency, .pictureTold,
            .averageBandwidthTold, .bandwidthHolds, .independentSegmentsTold, .exposedFields:
            .should
        default: .must
        }
    }

    private var text: (section: String, sentence: String) {
        switch self {
        case .playlistReadable: ("4, 6.3.1", "A playlist that is asked for is answered 200, and can be read.")
        case .reloadHolds:
            ("6.2.5.2", "A request for a part that is to come is held until that part or anything later is listed.")
        case .reloadHoldsForSegment:
            ("6.2.5.2", "_HLS_msn alone is held until a whole segment of that number or a later one is listed.")
        case .partPastEnd:
            ("6.2.5.2", "A part past the last one of a finished segment means part 0 of the next segment.")
        case .oldSequenceAnswered:
            ("6.2.5.2", "A sequence number older than the playlist is answered with the whole playlist at once.")
        case .malformedRefused: ("6.2.5", "A malformed, repeated or lone directive is answered 400.")
        case .farAheadRefused:
            (
                "6.2.5.2",
                "What is more than two segments or the Advance Part Limit ahead is answered 400 at once."
            )
        case .holdEnds:
            ("6.2.5.2", "No request is held longer than three target durations; then comes 503 with Retry-After.")
        case .endedAnswersAtOnce:
            ("6.2.5.2", "Directives to a playlist with EXT-X-ENDLIST are ignored and answered at once.")
        case .partsOnTime: ("6.2.1", "A new part is listed within one part target of the last one.")
        case .sameForEveryViewer: ("B.1", "The same request gets the same playlist byte by byte, whoever asks.")
        case .deltaGiven: ("6.2.5.1", "_HLS_skip is answered with a delta update where there is something to skip.")
        case .deltaSkipsOld: ("6.2.5.1", "Only segments beyond the skip boundary are skipped.")
        case .deltaCounts: ("4.4.5.2", "SKIPPED-SEGMENTS is the number of segments that are left out.")
        case .deltaIsWhole: ("6.2.5.1, 6.3.7", "A delta update, applied, is the whole playlist.")
        case .listedMediaAvailable: ("6.2.1", "What is listed can be fetched whole from the moment it is listed.")
        case .mediaReadable: ("3.1.2", "Media is fragmented MP4: an init section, fragments with tfdt and trun.")
        case .boxesValid:
            (
                "3.1.2, ISO 14496-12 4.2, 14496-1 8.3.3",
                "Boxes and descriptors have the sizes, versions, counts and places that they state."
            )
        case .mediaProfile:
            (
                "3.1.2",
                "Init sections have a brand of iso6 or higher, no samples and no duration; fragments address data from "
                    + "their moof."
            )
        case .partDuration: ("4.4.4.9", "A part lasts as long as its samples.")
        case .segmentDuration: ("4.4.4.1", "A segment lasts as long as its samples.")
        case .mediaContinues: ("3", "Decode times continue from part to part and segment to segment.")
        case .shownInOrder:
            (
                "3, ISO 14496-12 8.8.8",
                "No two frames are shown at once, and none before what an earlier group of pictures showed."
            )
        case .segmentIsItsParts: ("3.2", "A segment holds the samples of its parts, and no others.")
        case .independentHolds: ("4.4.4.9", "A part with INDEPENDENT=YES holds an independent frame.")
        case .independentTold: ("4.4.4.9", "A part that holds an independent frame says INDEPENDENT=YES.")
        case .segmentStartsIndependent:
            (
                "4.4.2.1, AAS 7.4",
                "Segments start with an independent frame, where EXT-X-INDEPENDENT-SEGMENTS does not stand too."
            )
        case .segmentHoldsIndependent: ("B.1", "Each segment of a playlist with parts holds an independent frame.")
        case .datesFollowMedia:
            ("4.4.4.6", "EXT-X-PROGRAM-DATE-TIME advances as the timestamps of the media do.")
        case .datesNotInFuture: ("4.4.4.6, B.1", "No listed media is dated in the future.")
        case .renditionsInSync: ("6.2.4", "The same date is the same media time in all renditions.")
        case .mediaUnchanged: ("6.2.1", "A URI always gives the same bytes.")
        case .mediaStays:
            ("6.2.2", "Parts stay for three target durations after their tags went, segments for a playlist's length.")
        case .hintDelivered: ("6.2.6", "A request for the hinted part is answered with that part when it is there.")
        case .hintAtLineSpeed: ("6.2.6", "The hinted part comes whole and at line speed, not as it is made.")
        case .reportsFresh: ("4.4.5.4", "A rendition report tells where the other rendition stands.")
        case .gzip: ("B.1, AAS 10.1", "A playlist is sent with gzip to who accepts it.")
        case .playlistType: ("4", "A playlist is application/vnd.apple.mpegurl or audio/mpegurl.")
        case .mediaType: ("3.1.2, AAS", "Media is video/mp4 or audio/mp4.")
        case .crossOrigin: ("B.1", "Any page may read an answer: Access-Control-Allow-Origin is *.")
        case .exposedFields: ("B.1", "Age, Date and Content-Length are exposed to pages.")
        case .plainPlaylistLifetime: ("B.1", "A plain playlist may be cached for half a target duration.")
        case .blockingPlaylistLifetime: ("B.1", "A blocking playlist may be cached for six target durations.")
        case .mediaLifetime: ("B.1", "Media may be cached for six target durations at least, and is immutable.")
        case .tooEarlyLifetime:
            ("B.1", "A refusal of what will exist soon is not cached longer than one part target.")
        case .failureLifetime: ("B.1", "Another refusal is not cached longer than a target duration.")
        case .ageWithinLifetime: ("B.1, RFC 9111 4.2", "An answer from a cache says its Age, within its lifetime.")
        case .unknownIsNotFound: ("6.2.6", "Media that is neither listed nor hinted is answered 404.")
        case .mediaNotRedirected: ("AAS 8.18", "Requests for media are not redirected.")
        case .noCookies: ("B.1", "Answers set no cookies.")
        case .urgency: ("B.1, RFC 9218", "Playlists are more urgent than media: u=1 before u=2 to u=6.")
        case .codecsTold: ("4.4.6.2", "Each variant has CODECS.")
        case .codecsMatch:
            ("4.4.6.2, 6.2.4", "CODECS names every format of the variant's media, as its init section tells it.")
        case .channelsMatch: ("4.4.6.1", "CHANNELS is the number of channels that the rendition's init section tells.")
        case .channelsTold: ("4.4.6.1", "Audio renditions have CHANNELS.")
        case .resolutionMatches: ("4.4.6.2", "RESOLUTION is the size of the variant's pictures.")
        case .videoRangeValid: ("4.4.6.2", "VIDEO-RANGE is SDR, HLG or PQ.")
        case .videoRangeMatches:
            (
                "4.4.6.2",
                "VIDEO-RANGE is that of the transfer characteristics in colr and parameter sets; without it, SDR."
            )
        case .closedCaptionsAgree:
            ("4.4.6.2", "CLOSED-CAPTIONS is NONE on every variant or on none, or names a group that exists.")
        case .pictureTold: ("4.4.6.2", "A variant with pictures has RESOLUTION and FRAME-RATE.")
        case .averageBandwidthTold: ("4.4.6.2", "Each variant has AVERAGE-BANDWIDTH.")
        case .bandwidthHolds: ("4.4.6.2", "Segments stay within BANDWIDTH and a quarter.")
        case .audioGroupDefined: ("4.4.6.2", "An AUDIO group that a variant names exists.")
        case .independentSegmentsTold:
            ("4.4.2.1", "Where all segments start with an independent frame, EXT-X-INDEPENDENT-SEGMENTS says so.")
        }
    }
}
