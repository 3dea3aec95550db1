import AccessLog
import ArgumentParser
import Configuration
import Logging
import Node
import UnixSignals

extension AccessLogConfiguration {
    /// Opens the log; nil when it is off.
    func writer(logger: Logger) throws -> AccessLogWriter? {
        let place: AccessLogDestination
        switch destination {
        case .off: return nil
        case .standardOutput: place = .standardOutput
        case .file(let path): place = .file(path)
        }
        do throws(SystemError) {
            return try AccessLogWriter(
                place, format: format == .json ? .json : .combined, bound: bufferBytes, clock: WallClock.now
            ) { trouble in
                switch trouble {
                case .dropped(let lines, let reason):
                    logger.warning(
                        "access log lines dropped",
                        metadata: ["lines": "\(lines)", "reason": "\(reason)", "path": "\(place.text)"])
                case .cannotReopen(let error):
                    logger.error(
                        "access log cannot be opened anew: its lines go on to the old file",
                        metadata: ["reason": "\(error)", "path": "\(place.text)"])
                }
            }
        } catch {
            logger.critical(
                "cannot open the access log",
                metadata: [
                    "reason": "\(error)", "path": "\(place.text)",
                    "fix": "make its folder writable, or set access_log.path",
                ])
            throw ExitCode(1)
        }
    }
}

extension AccessLogDestination {
    var text: String {
        switch self {
        case .standardOutput: "-"
        case .file(let path): path
        }
    }
}

/// Opens the access log anew on SIGUSR1, as logrotate and its like ask for it, while `body` runs, and closes it then. A node
/// without one passes over the signal.
func withRotation(of log: AccessLogWriter?, _ body: () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigusr1)
    let watch = Task {
        for await _ in signals { log?.reopen() }
    }
    defer {
        watch.cancel()
        log?.close()
    }
    try await body()
}
