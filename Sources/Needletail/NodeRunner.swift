import ArgumentParser
import Configuration
import Logging
import Node
import ServiceLifecycle
import UnixSignals
import Wire

/// Runs a node until it is told to stop, and turns what stops it early into a sentence.
enum NodeRunner {
    static func run(
        _ service: any Service, identity: ServerIdentity?, drainTimeout: Duration, logger: Logger,
        reload: @escaping @Sendable () async -> Void
    ) async throws {
        var services = [
            ServiceGroupConfiguration.ServiceConfiguration(
                service: service, successTerminationBehavior: .gracefullyShutdownGroup)
        ]
        if let identity {
            services.append(.init(service: CertificateWatch(identity, logger: logger)))
        }
        services.append(.init(service: HangUp(act: reload)))
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
        // The node's own deadline comes first; this one is for a node that hangs.
        configuration.maximumGracefulShutdownDuration = drainTimeout + .seconds(5)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            throw failure(error, logger: logger)
        }
    }

    /// Says why a node cannot run.
    static func failure(_ error: any Error, logger: Logger) -> ExitCode {
        logger.critical("cannot run", metadata: ["reason": "\(error)"])
        return ExitCode(1)
    }
}

/// Does something at each SIGHUP, which without it ends a process.
private struct HangUp: Service {
    let act: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await act() }
        }
    }
}

extension TLSFiles {
    /// Reads the certificates.
    func identity(logger: Logger) throws -> ServerIdentity {
        do throws(CertificateFailure) {
            return try ServerIdentity(files)
        } catch {
            throw NodeRunner.failure(error, logger: logger)
        }
    }

    var files: [CertificateFiles] {
        pairs.map { CertificateFiles(certificatePath: $0.certificate, keyPath: $0.key) }
    }
}
