/// A channel: who may publish it, and what differs from the packaging of the others.
package struct ChannelConfiguration: Equatable, Sendable {
    /// What happens when a second publisher comes with a valid key while the first is live.
    package enum Policy: String, CaseIterable, Sendable {
        /// The second is refused.
        case refuse
        /// The second takes over and the first is cut.
        case takeover
    }

    /// The stream keys that publish it, at least one. Secrets: never log them.
    package var keys: [String]
    package var policy = Policy.refuse
    /// The packaging in force for this channel, its overrides applied.
    package var packaging: PackagingConfiguration

    package var reconnect: ReconnectConfiguration

    package init(
        keys: [String], packaging: PackagingConfiguration = PackagingConfiguration(),
        reconnect: ReconnectConfiguration = ReconnectConfiguration()
    ) {
        self.keys = keys
        self.packaging = packaging
        self.reconnect = reconnect
    }

    /// Returns the places of the keys beside the channel, for checks among channels.
    static func read(
        _ section: Section, rule: StreamKeyRule, packaging: PackagingConfiguration,
        reconnect: ReconnectConfiguration
    ) -> (channel: ChannelConfiguration, keysPlace: ConfigurationPlace) {
        let kind = ValueKind<String>.text(
            "a stream key", maximumLength: rule.maximumLength, isSecret: true,
            rule: "letters, digits and the rtmp.limits.key_symbols"
        ) { rule.allows(CollectionOfOne($0)) }
        let single = section.optional("key", kind)
        let many = section.values("keys", kind)
        if section.isSound {
            switch (single.place, many.place) {
            case (nil, nil):
                section.decoding.report(
                    section.place, .missingKey(section.childPath("key"), expected: "a stream key"),
                    hint: "Add \"key: …\", or \"keys: [… , …]\" for several.")
            case (_?, let place?):
                section.decoding.report(
                    place, .conflict("\"\(single.path)\" and \"\(many.path)\" are both set"),
                    hint: "Put every key into \"keys\".")
            case (nil, let place?) where many.isSound && many.value?.isEmpty != false:
                section.decoding.report(
                    place, .missingKey(many.path, expected: "at least one stream key"), hint: "Write [key, key].")
            default: break
            }
        }
        var channel = ChannelConfiguration(
            keys: (single.value.map { [$0] } ?? []) + (many.value ?? []), packaging: packaging, reconnect: reconnect)
        channel.policy = section.value("policy", .choice, standard: channel.policy).value
        channel.readPackaging(section)
        channel.reconnect = section.section("reconnect") { ReconnectConfiguration($0, standard: reconnect) }.value
        return (channel, single.place ?? many.place ?? section.place)
    }

    private mutating func readPackaging(_ section: Section) {
        let part = section.optional("part", PackagingConfiguration.partKind)
        let segment = section.optional("segment", PackagingConfiguration.segmentKind)
        packaging.part = part.value ?? packaging.part
        packaging.segment = segment.value ?? packaging.segment
        if part.place != nil || segment.place != nil {
            PackagingConfiguration.check(
                part: Setting(value: packaging.part, path: part.path, place: part.place, isSound: part.isSound),
                segment: Setting(
                    value: packaging.segment, path: segment.path, place: segment.place, isSound: segment.isSound),
                in: section)
        }
        // A longer segment of this channel's own takes its bound along.
        packaging.maximumSegment = max(packaging.maximumSegment, packaging.segment)
        packaging.window = max(packaging.window, packaging.maximumSegment * 3)
    }
}
