import HLS

/// What only several renditions together show, and what their multivariant playlist says of them.
struct MultivariantRules {
    let playlist: MultivariantPlaylist
    let url: WebAddress

    func judge(desk: inout LintDesk) {
        judgeAttributes(desk: &desk)
        for variant in playlist.variants {
            let name = variant.uri
            desk.judge(.codecsTold, at: url, holds: !variant.codecs.isEmpty, else: "\(name) has no CODECS")
            desk.judge(
                .averageBandwidthTold, at: url, holds: variant.averageBandwidth != nil,
                else: "\(name) has no AVERAGE-BANDWIDTH")
            if variant.codecs.contains(where: Self.isPicture) {
                desk.judge(
                    .pictureTold, at: url, holds: variant.width != nil && variant.frameRate != nil,
                    else: "\(name) has \(variant.width == nil ? "no RESOLUTION" : "no FRAME-RATE")")
            }
            if let group = variant.audioGroup {
                desk.judge(
                    .audioGroupDefined, at: url, holds: playlist.audio.contains { $0.group == group },
                    else: "\(name) names AUDIO=\"\(group)\", which no EXT-X-MEDIA defines")
            }
        }
    }

    private static func isPicture(_ codec: String) -> Bool {
        ["avc", "hvc1", "hev1", "av01", "vp0", "dvh"].contains { codec.lowercased().hasPrefix($0) }
    }

    /// Compares with what the renditions turned out to be, in the end.
    func judge(against watches: [RenditionWatch], desk: inout LintDesk) {
        for variant in playlist.variants {
            let own = [variant.uri] + playlist.audio.filter { $0.group == variant.audioGroup }.compactMap(\.uri)
            let addresses = Set(own.compactMap { url.resolving($0) })
            let media = watches.filter { addresses.contains($0.address) }.map(\.media)
            for track in media.flatMap(\.tracks) where !variant.codecs.isEmpty {
                desk.judge(
                    .codecsMatch, at: url,
                    holds: track.description.isNamed(in: variant.codecs),
                    else:
                        "\(variant.uri) has media of \(track.description.codec ?? track.description.format), CODECS is "
                        + "\"\(variant.codecs.joined(separator: ","))\"")
            }
            judgePictures(of: variant, media.flatMap(\.tracks).filter(\.isVideo).map(\.description), desk: &desk)
            let peak = media.reduce(0) { $0 + $1.peakBitRate }
            if peak > 0 {
                desk.judge(
                    .bandwidthHolds, at: url, expected: "BANDWIDTH of at least \(Int(peak / 1.25))",
                    holds: peak <= Double(variant.bandwidth) * 1.25,
                    else: "a second of \(Int(peak)) bits, BANDWIDTH=\(variant.bandwidth)")
            }
        }
        for rendition in playlist.audio { judgeChannels(of: rendition, watches, desk: &desk) }
        let starts = watches.compactMap(\.media.startsAreIndependent)
        guard !starts.isEmpty, starts.allSatisfy({ $0 }) else { return }
        let isTold = playlist.independentSegments || watches.allSatisfy { $0.state?.hasIndependentSegments == true }
        desk.judge(.independentSegmentsTold, at: url, holds: isTold, else: "the tag is missing")
    }
}

// MARK: What init sections tell

extension MultivariantRules {
    private func judgePictures(of variant: Variant, _ descriptions: [SampleDescription], desk: inout LintDesk) {
        for description in descriptions {
            if let width = variant.width, let height = variant.height, !description.sizes.isEmpty {
                desk.judge(
                    .resolutionMatches, at: url,
                    holds: description.sizes.contains { abs($0.width - width) <= 1 && abs($0.height - height) <= 1 },
                    else: "\(variant.uri) has RESOLUTION=\(width)x\(height) for pictures of "
                        + description.sizes.map { "\($0.width)x\($0.height)" }.joined(separator: ", "))
            }
            judgeRange(of: variant, description, desk: &desk)
        }
    }

    private func judgeRange(of variant: Variant, _ description: SampleDescription, desk: inout LintDesk) {
        let (box, stream) = (description.boxTransfer, description.streamTransfer)
        if let box, let stream, box != stream {
            return desk.judge(
                .videoRangeMatches, at: url,
                seen: "\(variant.uri) has transfer characteristics \(box) in colr and \(stream) in its parameter set")
        }
        guard let code = box ?? stream, let range = TransferCharacteristics.range(of: code) else { return }
        let told = variant.videoRange ?? "SDR"
        // What no player knows is told by another rule.
        guard ["SDR", "HLG", "PQ"].contains(told) else { return }
        // 14 is how HLG is sent to decoders that know none; an SEI message tells then (H.265, D.3.42).
        let isHidden = code == 14 && told == "HLG"
        desk.judge(
            .videoRangeMatches, at: url, expected: "VIDEO-RANGE=\(range)", holds: told == range || isHidden,
            else:
                "\(variant.uri) has \(variant.videoRange.map { "VIDEO-RANGE=\($0)" } ?? "no VIDEO-RANGE") for transfer "
                + "characteristics \(code)")
    }

    private func judgeChannels(of rendition: AudioRendition, _ watches: [RenditionWatch], desk: inout LintDesk) {
        desk.judge(.channelsTold, at: url, holds: rendition.channels != nil, else: "\(rendition.name) has none")
        // Sound without a URI of its own is in the variants of its group.
        let uris =
            rendition.uri.map { [$0] } ?? playlist.variants.filter { $0.audioGroup == rendition.group }.map(\.uri)
        let addresses = Set(uris.compactMap { url.resolving($0) })
        let tracks = watches.filter { addresses.contains($0.address) }.flatMap(\.media.tracks)
        for track in tracks where track.handler == "soun" {
            guard let channels = track.description.channels, let told = rendition.channels else { continue }
            desk.judge(
                .channelsMatch, at: url, expected: "CHANNELS=\"\(channels)\"", holds: told == channels,
                else:
                    "\(rendition.name) has CHANNELS=\"\(told)\" for \(track.description.codec ?? "media") of \(channels)"
            )
        }
    }

    /// What the attributes of variants say by themselves.
    private func judgeAttributes(desk: inout LintDesk) {
        for variant in playlist.variants {
            if let range = variant.videoRange {
                desk.judge(
                    .videoRangeValid, at: url, holds: ["SDR", "HLG", "PQ"].contains(range),
                    else: "\(variant.uri) has VIDEO-RANGE=\(range)")
            }
        }
        let captions = playlist.variants.compactMap(\.captions)
        guard !captions.isEmpty else { return }
        var fault: String?
        for caption in captions {
            switch caption {
            case .none:
                if captions.contains(where: { $0 != Variant.Captions.none }) || captions.count < playlist.variants.count
                {
                    fault = fault ?? "CLOSED-CAPTIONS=NONE on some variants and not on others"
                }
            case .group(let name):
                if !playlist.captions.contains(where: { $0.group == name }) {
                    fault = fault ?? "CLOSED-CAPTIONS=\"\(name)\", which no EXT-X-MEDIA defines"
                }
            case .other(let text): fault = fault ?? "CLOSED-CAPTIONS=\(text)"
            }
        }
        desk.judge(.closedCaptionsAgree, at: url, seen: fault)
    }
}
