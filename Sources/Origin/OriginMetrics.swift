import Media
import Node
import Prometheus

/// The metric families of an origin. Their names are promises.
enum OriginMetrics {
    static func write(
        hub: ChannelHub, publishers: PublisherRegistry, directory: MediaDirectory?, into text: inout ExpositionText
    ) {
        text.family("needletail_origin_publishers", .gauge, help: "Open connections of publishers.")
        text.sample("needletail_origin_publishers", UInt64(clamping: publishers.openCount))
        let totals: [(String, String, UInt64)] = [
            ("needletail_origin_publishes_refused_total", "Publishes refused.", publishers.refusedCount),
            (
                "needletail_origin_rtmp_violations_total", "RTMP connections that broke a rule.",
                publishers.violationCount
            ),
            (
                "needletail_origin_publishers_turned_away_total", "Connections refused by the limit on publishers.",
                publishers.turnedAwayCount
            ),
        ]
        for (name, help, value) in totals {
            text.family(name, .counter, help: help)
            text.sample(name, value)
        }
        text.family(
            "needletail_origin_publish_warnings_total", .counter,
            help: "Warnings of what publishers sent and what is left out of it, each cause once a publish.")
        for (cause, count) in publishers.warningCounts {
            text.sample("needletail_origin_publish_warnings_total", labels: [("reason", cause)], count)
        }
        PushMetrics.write(hub.push.desk.figures, prefix: "needletail_origin", into: &text)
        text.family("needletail_origin_parked_requests", .gauge, help: "Requests that wait for media to come.")
        text.sample("needletail_origin_parked_requests", UInt64(clamping: hub.parking.count))
        let holds = hub.parking.counters
        let endings: [(String, String, UInt64)] = [
            ("needletail_origin_parked_total", "Requests that had to wait.", holds.parked),
            ("needletail_origin_parked_expired_total", "Waiting requests answered 503: nothing came.", holds.expired),
            ("needletail_origin_parked_abandoned_total", "Waiting requests whose client left.", holds.abandoned),
        ]
        for (name, help, value) in endings {
            text.family(name, .counter, help: help)
            text.sample(name, value)
        }
        text.family("needletail_origin_parked_refused_total", .counter, help: "Requests refused 429, by the limit met.")
        for limit in ParkingIndex.Excess.allCases {
            text.sample(
                "needletail_origin_parked_refused_total", labels: [("limit", limit.rawValue)],
                holds.refused[limit] ?? 0)
        }
        text.family("needletail_origin_channel_live", .gauge, help: "1 while a publisher feeds the channel.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            text.sample("needletail_origin_channel_live", labels: labels, channel.isLive ? UInt64(1) : 0)
        }
        text.family("needletail_origin_channel_parked_requests", .gauge, help: "Requests that wait for a channel.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            text.sample(
                "needletail_origin_channel_parked_requests", labels: labels, UInt64(clamping: channel.holds.count))
        }
        text.family("needletail_origin_channel_media_bytes", .gauge, help: "Media bytes of a channel in memory.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            let bytes = channel.presentation?.memoryBytes ?? 0
            text.sample("needletail_origin_channel_media_bytes", labels: labels, UInt64(clamping: bytes))
        }
        text.family("needletail_origin_channel_disk_bytes", .gauge, help: "Media bytes of a channel in files.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            let bytes = channel.presentation?.diskBytes ?? 0
            text.sample("needletail_origin_channel_disk_bytes", labels: labels, UInt64(clamping: bytes))
        }
        text.family(
            "needletail_origin_channel_dropped_segments", .gauge,
            help: "Segments of the present publish that went before their time, for want of room.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            text.sample(
                "needletail_origin_channel_dropped_segments", labels: labels,
                channel.presentation?.droppedSegments ?? 0)
        }
        let files = directory?.counters ?? MediaDirectory.Counters()
        let operations: [(String, String, UInt64)] = [
            ("needletail_origin_storage_written_total", "Segments begun in files.", files.written),
            ("needletail_origin_storage_write_failures_total", "Writes of media that failed.", files.writeFailures),
            ("needletail_origin_storage_read_failures_total", "Reads of media that failed.", files.readFailures),
        ]
        for (name, help, value) in operations {
            text.family(name, .counter, help: help)
            text.sample(name, value)
        }
        text.family("needletail_origin_channel_publishes_total", .counter, help: "Publishes of a channel.")
        for channel in hub.all {
            let labels = [("channel", channel.settings.name)]
            text.sample("needletail_origin_channel_publishes_total", labels: labels, channel.counters.publishes)
        }
        writeLosses(of: hub, into: &text)
    }

    /// What stalls of publishers have cost.
    private static func writeLosses(of hub: ChannelHub, into text: inout ExpositionText) {
        text.family(
            "needletail_origin_channel_gap_seconds_total", .counter, help: "Seconds that were listed as gaps.")
        for (channel, kind, labels) in renditions(of: hub) {
            text.sample(
                "needletail_origin_channel_gap_seconds_total", labels: labels,
                channel.counters.gapSeconds[kind] ?? 0)
        }
        text.family(
            "needletail_origin_channel_unlisted_frames_total", .counter,
            help: "Frames that came after their time had been listed as a gap.")
        for (channel, kind, labels) in renditions(of: hub) {
            text.sample(
                "needletail_origin_channel_unlisted_frames_total", labels: labels,
                channel.counters.unlistedFrames[kind] ?? 0)
        }
    }

    private static func renditions(
        of hub: ChannelHub
    ) -> [(channel: LiveChannel, kind: MediaKind, labels: [(String, String)])] {
        hub.all.flatMap { channel in
            [MediaKind.video, .audio].map { kind in
                (channel, kind, [("channel", channel.settings.name), ("rendition", "\(kind)")])
            }
        }
    }
}
