import Logging
import ServiceLifecycle
import Wire

/// Puts renewed certificates in force while a node runs, and says in time when one was forgotten.
package struct CertificateWatch: Service {
    private let identity: ServerIdentity
    private let logger: Logger

    /// Between two looks at the files: what they cost is two `stat` each.
    private static let period = Duration.seconds(2)
    /// Between two warnings of the same certificate.
    private static let reminder = Duration.seconds(86_400)

    package init(_ identity: ServerIdentity, logger: Logger) {
        self.identity = identity
        self.logger = logger
    }

    package func run() async throws {
        warn()
        await cancelWhenGracefulShutdown {
            let clock = ContinuousClock()
            var reminded = clock.now
            while !Task.isCancelled {
                try? await clock.sleep(for: Self.period)
                tell(identity.renewIfChanged())
                guard clock.now - reminded > Self.reminder else { continue }
                reminded = clock.now
                warn()
            }
        }
    }

    /// Says what became of a look at the files.
    package func tell(_ renewal: ServerIdentity.Renewal) {
        switch renewal {
        case .unchanged: break
        case .renewed(let certificates):
            for certificate in certificates {
                logger.info("certificate renewed", metadata: Self.metadata(of: certificate))
            }
            warn()
        case .kept(let failure):
            logger.error(
                "certificates are not renewed, the last good ones stay in force", metadata: ["reason": "\(failure)"])
        }
    }

    private func warn() {
        let now = WallClock.now() / 1_000_000
        for certificate in identity.certificates where certificate.expiresSoon(at: now) {
            let isOver = certificate.notAfter <= now
            logger.log(
                level: isOver ? .error : .warning, isOver ? "certificate has expired" : "certificate expires soon",
                metadata: Self.metadata(of: certificate))
        }
    }

    private static func metadata(of certificate: ServerIdentity.Certificate) -> Logger.Metadata {
        let days = (certificate.notAfter - WallClock.now() / 1_000_000) / 86_400
        return [
            "certificate": "\(certificate.path)", "names": "\(certificate.names.joined(separator: ","))",
            "days_left": "\(days)",
        ]
    }
}
