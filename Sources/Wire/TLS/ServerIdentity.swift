import NIOSSL
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The certificates with which a node's listeners answer. They are read at each accept, so that new ones are in force for
/// new connections at once; connections that are open keep what they began with.
package final class ServerIdentity: Sendable {
    /// What a listener speaks inside TLS.
    package enum Application: Sendable {
        /// ALPN `h2` before `http/1.1`.
        case http
        /// Something that has no name in ALPN, such as RTMP.
        case unnamed
    }

    /// What an operator wants to know of one certificate.
    package struct Certificate: Sendable, Equatable {
        /// Of its file.
        package let path: String
        package let names: [String]
        /// Seconds since 1970.
        package let notBefore: Int64
        package let notAfter: Int64

        /// Whether it should have been renewed by now: less than 14 days are left, or a third of its life where that is
        /// less.
        package func expiresSoon(at unixSeconds: Int64) -> Bool {
            notAfter - unixSeconds < min(14 * 86_400, (notAfter - notBefore) / 3)
        }
    }

    package struct Counters: Sendable, Equatable {
        package var renewed: UInt64 = 0
        package var refused: UInt64 = 0
    }

    /// What became of looking for new certificates.
    package enum Renewal: Sendable, Equatable {
        case unchanged
        case renewed([Certificate])
        /// The files cannot be used: the certificates that were in force still are.
        case kept(CertificateFailure)
    }

    private struct State {
        var files: [CertificateFiles]
        /// Of all files, when they were last read, with success or without.
        var stamps: [FileStamp?]
        var loaded: Loaded
        var counters = Counters()
    }

    private struct Loaded {
        let certificates: [Certificate]
        let http: NIOSSLContext
        let unnamed: NIOSSLContext
    }

    private let state: Mutex<State>

    /// Reads every file. The first certificate is for clients that ask for no name, or for one that none vouches for.
    package init(_ files: [CertificateFiles]) throws(CertificateFailure) {
        let stamps = Self.stamps(of: files)
        state = Mutex(State(files: files, stamps: stamps, loaded: try Self.load(files)))
    }

    /// What a connection that is accepted now begins with.
    package func context(for application: Application) -> NIOSSLContext {
        state.withLock { application == .http ? $0.loaded.http : $0.loaded.unnamed }
    }

    package var certificates: [Certificate] { state.withLock { $0.loaded.certificates } }
    package var counters: Counters { state.withLock { $0.counters } }

    /// Reads the files anew where one has changed since they were last read. A pair that is broken, or of which one half is
    /// not yet written, changes nothing and is told once.
    package func renewIfChanged() -> Renewal {
        let (files, before) = state.withLock { ($0.files, $0.stamps) }
        return Self.stamps(of: files) == before ? .unchanged : renew(files)
    }

    /// Reads files that are named from now on, changed or not.
    package func renew(_ files: [CertificateFiles]) -> Renewal {
        // Before they are read: what is written meanwhile shows next time.
        let stamps = Self.stamps(of: files)
        do throws(CertificateFailure) {
            let loaded = try Self.load(files)
            return state.withLock { state in
                let isNew = state.loaded.certificates != loaded.certificates || state.stamps != stamps
                state.files = files
                state.stamps = stamps
                state.loaded = loaded
                if isNew { state.counters.renewed += 1 }
                return isNew ? .renewed(loaded.certificates) : .unchanged
            }
        } catch {
            state.withLock { state in
                if state.files == files { state.stamps = stamps }
                state.counters.refused += 1
            }
            return .kept(error)
        }
    }

    private static func load(_ files: [CertificateFiles]) throws(CertificateFailure) -> Loaded {
        var certificates: [ServerCertificate] = []
        for pair in files { certificates.append(try ServerCertificate(readingFrom: pair)) }
        guard let first = certificates.first else { throw .none }
        var callback: NIOSSLContextCallback?
        if certificates.count > 1 {
            let names = NamedCertificates(certificates.map(\.names))
            callback = { [certificates] hello, promise in
                let index = names.index(for: hello.serverHostname)
                var choice = NIOSSLContextConfigurationOverride.noChanges
                if index > 0, certificates.indices.contains(index) {
                    choice.certificateChain = certificates[index].chain
                    choice.privateKey = certificates[index].key
                }
                promise.succeed(choice)
            }
        }
        do {
            return Loaded(
                certificates: certificates.map {
                    Certificate(
                        path: $0.files.certificatePath, names: $0.names, notBefore: $0.notBefore, notAfter: $0.notAfter)
                },
                http: try first.context(offering: ["h2", "http/1.1"], choosing: callback),
                unnamed: try first.context(offering: [], choosing: callback))
        } catch {
            throw .mismatch(first.files)
        }
    }

    private static func stamps(of files: [CertificateFiles]) -> [FileStamp?] {
        files.flatMap { [FileStamp($0.certificatePath), FileStamp($0.keyPath)] }
    }
}

/// What tells one content of a file from the next without reading it: another file in its place, or another time or size.
private struct FileStamp: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    /// Nil where there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        size = Int64(status.st_size)
        #if os(Linux)
            let changed = status.st_mtim
        #else
            let changed = status.st_mtimespec
        #endif
        seconds = Int64(changed.tv_sec)
        nanoseconds = Int64(changed.tv_nsec)
    }
}
