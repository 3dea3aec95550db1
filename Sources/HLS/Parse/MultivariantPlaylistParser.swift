extension MultivariantPlaylist {
    /// Reads a multivariant playlist. Tags and renditions of kinds that it does not know are passed over (6.3.1).
    ///
    /// - Throws: `PlaylistError` with the line of the first mistake.
    package init(parsing text: some Collection<UInt8>) throws(PlaylistError) {
        self.init()
        var lines = try PlaylistLines(Array(text))
        var pending: PlaylistTag?
        while let line = try lines.next() {
            switch line {
            case .uri(let uri):
                guard let tag = pending else {
                    throw PlaylistError(line: lines.line, reason: .uriWithoutTag("#EXT-X-STREAM-INF"))
                }
                guard variants.count < PlaylistLimits.entries else {
                    throw PlaylistError(line: lines.line, reason: .tooMany("variants", limit: PlaylistLimits.entries))
                }
                variants.append(try Variant(tag, uri: uri))
                pending = nil
            case .tag(let tag):
                if pending != nil { throw tag.misplaced("stands between #EXT-X-STREAM-INF and its URI") }
                if tag.name == "#EXT-X-STREAM-INF" { pending = tag } else { try read(tag) }
            }
        }
        if let pending {
            throw PlaylistError(line: pending.line, reason: .missingTag("the URI after #EXT-X-STREAM-INF"))
        }
    }

    private mutating func read(_ tag: PlaylistTag) throws(PlaylistError) {
        switch tag.name {
        case "#EXT-X-INDEPENDENT-SEGMENTS": independentSegments = true
        case "#EXT-X-MEDIA":
            guard audio.count < PlaylistLimits.entries else {
                throw PlaylistError(line: tag.line, reason: .tooMany("renditions", limit: PlaylistLimits.entries))
            }
            let list = try AttributeList(tag)
            switch try list.require("TYPE", try list.token("TYPE")) {
            case "AUDIO": audio.append(try AudioRendition(list))
            case "CLOSED-CAPTIONS":
                guard captions.count < PlaylistLimits.entries else {
                    throw PlaylistError(line: tag.line, reason: .tooMany("captions", limit: PlaylistLimits.entries))
                }
                captions.append(try CaptionRendition(list))
            default: break
            }
        case "#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-PART", "#EXT-X-MEDIA-SEQUENCE":
            throw PlaylistError(line: tag.line, reason: .wrongKind(tag: tag.name))
        default: break
        }
    }
}

extension Variant {
    fileprivate init(_ tag: PlaylistTag, uri: String) throws(PlaylistError) {
        let list = try AttributeList(tag)
        let resolution = try list.resolution("RESOLUTION")
        self.init(
            bandwidth: Int(try list.require("BANDWIDTH", try list.integer("BANDWIDTH"))),
            averageBandwidth: try list.integer("AVERAGE-BANDWIDTH").map { Int($0) },
            codecs: try list.quoted("CODECS").map { $0.split(separator: ",").map(String.init) } ?? [],
            width: resolution?.width, height: resolution?.height,
            frameRate: try list.seconds("FRAME-RATE")?.inSeconds, uri: uri, audioGroup: try list.quoted("AUDIO"),
            videoRange: list.any("VIDEO-RANGE").map { $0.isQuoted ? "\"\($0.text)\"" : $0.text },
            captions: list.any("CLOSED-CAPTIONS").map { value in
                let word = value.text == "NONE" ? Captions.none : .other(value.text)
                return value.isQuoted ? .group(value.text) : word
            })
    }
}

extension CaptionRendition {
    fileprivate init(_ list: AttributeList) throws(PlaylistError) {
        self.init(
            group: try list.require("GROUP-ID", try list.quoted("GROUP-ID")),
            name: try list.require("NAME", try list.quoted("NAME")),
            service: try list.require("INSTREAM-ID", try list.quoted("INSTREAM-ID")))
    }
}

extension AudioRendition {
    fileprivate init(_ list: AttributeList) throws(PlaylistError) {
        // CHANNELS may say more after a slash (4.4.6.1).
        let channels = try list.quoted("CHANNELS")?.split(separator: "/").first
        self.init(
            group: try list.require("GROUP-ID", try list.quoted("GROUP-ID")),
            name: try list.require("NAME", try list.quoted("NAME")), uri: try list.quoted("URI"),
            channels: channels.flatMap { DecimalText.integer($0.utf8) }.map { Int($0) },
            language: try list.quoted("LANGUAGE"), isDefault: try list.isYes("DEFAULT"))
    }
}
