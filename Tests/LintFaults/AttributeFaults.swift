/// Multivariant playlists that say of a rendition what its media is not.
extension Fault {
    static let attributes: [Fault] = [
        Fault("codecs-of-another-level", "codecsMatch") { $0.replace("avc1.64000c", "avc1.640028") },
        Fault("codecs-of-he-aac", "codecsMatch") { $0.replace("mp4a.40.2", "mp4a.40.5") },
        Fault("channels-of-surround", "channelsMatch") { $0.replace("CHANNELS=\"2\"", "CHANNELS=\"6\"") },
        Fault("no-channels", "channelsTold") { $0.replace(",CHANNELS=\"2\"", "") },
        Fault("resolution-of-another", "resolutionMatches") { $0.replace("RESOLUTION=320x180", "RESOLUTION=1280x720") },
        Fault("range-of-nothing", "videoRangeValid") { $0.replace("VIDEO-RANGE=SDR", "VIDEO-RANGE=HDR") },
        Fault("range-of-pq", "videoRangeMatches") { $0.replace("VIDEO-RANGE=SDR", "VIDEO-RANGE=PQ") },
        Fault("captions-of-no-group", "closedCaptionsAgree") {
            $0.replace("CLOSED-CAPTIONS=NONE", "CLOSED-CAPTIONS=\"cc\"")
        },
    ].map { fault in
        var fault = fault
        fault.needsBoth = true
        return fault
    }
}
