import AccessLog
import NIOSSL
import RTMP
import Wire

/// Everything that an origin needs to run, as plain values.
package struct OriginSettings: Sendable {
    /// Where one listener stands.
    package struct Listener: Sendable {
        package let host: String
        package let port: Int
        package let isSecure: Bool
        package init(host: String, port: Int, isSecure: Bool) {
            self.host = host
            self.port = port
            self.isSecure = isSecure
        }
    }

    package var rtmp: [Listener] = []
    package var http: [Listener] = []
    package var channels: [ChannelSettings] = []
    /// Directory for what outlives a restart; nil for nothing.
    package var stateDirectory: String?
    /// Directory that twin origins share.
    package var epochBook: String?
    /// Settings for a key that the configuration does not name, where that is allowed.
    package var openChannel: @Sendable (String) -> ChannelSettings? = { _ in nil }
    package var rtmpLimits = RTMPLimits()
    /// Connections of publishers at once.
    package var publishers = 1_000
    /// Those among them that do not publish yet.
    package var halfOpenPublishers = 256
    package var serverLimits = ServerLimits()
    /// What requests under way have to end in when the node is told to stop.
    package var drainTimeout: Duration = .seconds(10)
    /// Where requests are told of; nil for nowhere.
    package var accessLog: AccessLogWriter?
    /// The directory of the channels' `StorageSettings`; nil for none.
    package var mediaDirectory: MediaDirectory?
    /// Requests that wait at once, on the whole node and for one address.
    package var parkedRequests = 50_000
    package var parkedRequestsPerAddress = 5_000

    package init() {}

    var parking: ParkingIndex.Limits { .init(node: parkedRequests, perAddress: parkedRequestsPerAddress) }
}
