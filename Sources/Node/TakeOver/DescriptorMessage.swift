#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why listening sockets could not be handed over.
package enum TakeOverFailure: Error, Equatable, CustomStringConvertible {
    /// A call of the system failed.
    case system(what: String, reason: String)
    case pathTooLong(String)
    /// The other process says something that this one does not understand.
    case unintelligible(String)
    /// The other process ended or gave up in the middle.
    case gone
    case notReady(String)

    package var description: String {
        switch self {
        case .system(let what, let reason): "\(what): \(reason)"
        case .pathTooLong(let path):
            "\(path) is too long for a socket: give handover_socket a path of \(UnixSocket.pathBytes) bytes or fewer"
        case .unintelligible(let words):
            "the edge that runs says \"\(words.prefix(80))\", which this one does not understand: stop it and start this one"
        case .gone: "the other process has gone in the middle of it"
        case .notReady(let reason): "this edge is not ready, and the one that runs goes on: \(reason)"
        }
    }

    /// What `errno` says now.
    static func last(_ what: String) -> Self { .system(what: what, reason: String(cString: strerror(errno))) }
}

/// Bytes and descriptors over a Unix socket (unix(7), SCM_RIGHTS).
enum DescriptorMessage {
    /// The kernel takes 253 at once.
    static let maximumCount = 250

    #if os(Linux)
        private static let alignment = MemoryLayout<Int>.size
    #else
        private static let alignment = MemoryLayout<UInt32>.size
    #endif

    private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
    private static var headerBytes: Int { aligned(MemoryLayout<cmsghdr>.size) }

    /// Sends everything, the descriptors beside the first byte.
    static func send(_ bytes: [UInt8], descriptors: [Int32] = [], over socket: Int32) throws(TakeOverFailure) {
        var rest = bytes[...]
        var descriptors = descriptors
        while !rest.isEmpty {
            let count = sendOnce(Array(rest), descriptors, over: socket)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .last("sending to the other process") }
            rest = rest.dropFirst(count)
            descriptors = []
        }
    }

    private static func sendOnce(_ bytes: [UInt8], _ descriptors: [Int32], over socket: Int32) -> Int {
        var bytes = bytes
        let payload = descriptors.count * MemoryLayout<Int32>.size
        var control = [UInt8](repeating: 0, count: descriptors.isEmpty ? 0 : headerBytes + aligned(payload))
        return bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    if !descriptors.isEmpty {
                        var header = cmsghdr()
                        header.cmsg_len = numericCast(headerBytes + payload)
                        header.cmsg_level = SOL_SOCKET
                        header.cmsg_type = Int32(SCM_RIGHTS)
                        control.storeBytes(of: header, as: cmsghdr.self)
                        for (index, descriptor) in descriptors.enumerated() {
                            control.storeBytes(
                                of: descriptor, toByteOffset: headerBytes + index * MemoryLayout<Int32>.size,
                                as: Int32.self)
                        }
                        message.msg_control = control.baseAddress
                        message.msg_controllen = numericCast(control.count)
                    }
                    return sendmsg(socket, &message, UnixSocket.quietly)
                }
            }
        }
    }

    /// Receives what there is, at most 64 KiB. Empty when the other side has ended.
    static func receive(from socket: Int32) throws(TakeOverFailure) -> (bytes: [UInt8], descriptors: [Int32]) {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var control = [UInt8](repeating: 0, count: headerBytes + aligned(maximumCount * MemoryLayout<Int32>.size))
        var descriptors: [Int32] = []
        let count = bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = numericCast(control.count)
                    var count: Int
                    repeat {
                        count = recvmsg(socket, &message, UnixSocket.closedOnExec)
                    } while count < 0 && errno == EINTR
                    if count >= 0 {
                        descriptors = Self.descriptors(
                            in: UnsafeRawBufferPointer(rebasing: control.prefix(Int(message.msg_controllen))))
                    }
                    return count
                }
            }
        }
        guard count >= 0 else { throw .last("hearing from the other process") }
        return (Array(bytes.prefix(count)), descriptors)
    }

    private static func descriptors(in control: UnsafeRawBufferPointer) -> [Int32] {
        var found: [Int32] = []
        var offset = 0
        while offset + headerBytes <= control.count {
            let header = control.loadUnaligned(fromByteOffset: offset, as: cmsghdr.self)
            let length = Int(header.cmsg_len)
            guard length >= headerBytes, offset + length <= control.count else { break }
            if header.cmsg_level == SOL_SOCKET, header.cmsg_type == Int32(SCM_RIGHTS) {
                for place in stride(from: offset + headerBytes, to: offset + length, by: MemoryLayout<Int32>.size) {
                    found.append(control.loadUnaligned(fromByteOffset: place, as: Int32.self))
                }
            }
            offset += aligned(length)
        }
        return found
    }
}
