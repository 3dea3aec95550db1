import Configuration
import Logging
import Logs
import Node
import Synchronization
import Wire

/// Reads the configuration again when it is asked to, and puts it in force whole or not at all.
final class Reloader<Settings: Sendable>: Sendable {
    let record = ReloadRecord(at: WallClock.now() / 1_000_000)
    private let inForce: Mutex<Settings>
    private let read: @Sendable () throws -> Settings
    private let tls: @Sendable (Settings) -> TLSFiles?
    private let keysForNextStart: @Sendable (Settings, Settings) -> [String]
    private let prepare: @Sendable (Settings) throws -> @Sendable () async -> Void
    private let identity: ServerIdentity?
    private let logger: Logger

    /// `read` throws what is wrong with the file; `prepare` what is wrong beside it, or returns what puts it in force.
    init(
        _ settings: Settings, identity: ServerIdentity?, logger: Logger,
        read: @escaping @Sendable () throws -> Settings,
        tls: @escaping @Sendable (Settings) -> TLSFiles?,
        keysForNextStart: @escaping @Sendable (Settings, Settings) -> [String],
        prepare: @escaping @Sendable (Settings) throws -> @Sendable () async -> Void
    ) {
        inForce = Mutex(settings)
        self.read = read
        self.tls = tls
        self.keysForNextStart = keysForNextStart
        self.prepare = prepare
        self.identity = identity
        self.logger = logger
    }

    func reload() async {
        let settings: Settings
        do {
            settings = try read()
            let putInForce = try prepare(settings)
            if let identity, let files = tls(settings)?.files {
                let renewal = identity.renew(files)
                if case .kept(let failure) = renewal { throw failure }
                CertificateWatch(identity, logger: logger).tell(renewal)
            }
            await putInForce()
        } catch let error as ConfigurationError {
            for problem in error.problems { refused("\(problem)") }
            return
        } catch {
            return refused("\(error)")
        }
        let former = inForce.withLock { former in
            defer { former = settings }
            return former
        }
        record.succeeded(at: WallClock.now() / 1_000_000)
        logger.notice("configuration reloaded")
        let keys = keysForNextStart(settings, former)
        if !keys.isEmpty {
            logger.warning(
                "some settings need a restart to be in force", metadata: ["keys": "\(keys.joined(separator: " "))"])
        }
    }

    private func refused(_ reason: String) {
        record.failed()
        logger.error(
            "configuration not reloaded, the one before stays in force", metadata: ["reason": "\(reason)"])
    }
}
