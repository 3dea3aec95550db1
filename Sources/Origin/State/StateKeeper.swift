import Logging
import NIOCore
import NIOPosix

/// Writes channels' states in the background, in order, and reads them at the start.
final class StateKeeper: Sendable {
    private let directory: DurableDirectory
    private let pool: NIOThreadPool
    private let logger: Logger

    /// - Throws: `StateError` when the directory cannot be made.
    init(path: String, logger: Logger) throws(StateError) {
        directory = try DurableDirectory(path: "\(path)/channels")
        self.logger = logger
        pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
    }

    private static func name(_ channel: String) -> String { "\(channel).json" }

    /// A channel's state from before. What is torn or foreign is told and left out.
    func load(_ channel: String) -> ChannelState? {
        do throws(StateError) {
            guard let bytes = try directory.read(Self.name(channel)) else { return nil }
            return try ChannelState(bytes, channel: channel, path: "\(directory.path)/\(Self.name(channel))")
        } catch {
            logger.error("state not read", metadata: ["channel": "\(channel)", "reason": "\(error)"])
            return nil
        }
    }

    /// Channels of which there is a state.
    func names() -> [String] {
        directory.names().compactMap { $0.hasSuffix(".json") ? String($0.dropLast(5)) : nil }
    }

    /// Writes a state soon; of one channel the last one given stays.
    func save(_ state: ChannelState) {
        pool.submit { [directory, logger] _ in
            do throws(StateError) {
                try directory.write(state.encoded, to: Self.name(state.channel))
            } catch {
                logger.error("state not written", metadata: ["channel": "\(state.channel)", "reason": "\(error)"])
            }
        }
    }

    /// Returns when everything given has been written.
    func close() async { try? await pool.shutdownGracefully() }
}
