import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why a node cannot listen where its configuration puts it.
package struct ListenFailure: Error, CustomStringConvertible {
    private let setting: String
    private let address: String
    private let cause: any Error

    private init(setting: String, address: String, cause: any Error) {
        self.setting = setting
        self.address = address
        self.cause = cause
    }

    package var description: String {
        let place = "\(setting) \(address)"
        return switch (cause as? IOError)?.errnoCode {
        case EADDRINUSE:
            "\(place) is in use: another program listens there. Stop it, or set \(setting) to another address."
        case EACCES:
            "\(place) is not allowed: a port below 1024 takes root or CAP_NET_BIND_SERVICE. Set \(setting) to another one."
        case EADDRNOTAVAIL:
            "\(place) is no address of this machine. Set \(setting) to one that is, or to 0.0.0.0 or [::] for all."
        default: "\(place) cannot be listened on: \(cause)"
        }
    }

    /// Opens a listener. What fails names `setting`, the configuration's key for it.
    package static func naming<Listener>(
        _ setting: String, host: String, port: Int, _ open: () async throws -> Listener
    ) async throws -> Listener {
        do {
            return try await open()
        } catch {
            throw ListenFailure(
                setting: setting, address: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)", cause: error)
        }
    }
}
