import Foundation

/// nginx serving a folder: an origin that knows nothing of us.
package final class PlainOrigin {
    package let port: Int
    package let folder: URL
    private let server: ChildProcess
    private let accessLog: URL

    /// `locations` are nginx location blocks; files lie in `folder`, which is the document root.
    package init(locations: String, in directory: URL) throws {
        folder = directory.appendingPathComponent("htdocs")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        accessLog = directory.appendingPathComponent("access.log")
        port = try freePort()
        let configuration = directory.appendingPathComponent("nginx.conf")
        try """
        daemon off; master_process off; pid nginx.pid; error_log stderr;
        events {}
        http {
            access_log \(accessLog.path);
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            server { listen 127.0.0.1:\(port); root \(folder.path); \(locations) }
        }
        """.write(to: configuration, atomically: true, encoding: .utf8)
        server = try ChildProcess(
            Fleet.fetched("nginx/usr/sbin/nginx"), ["-p", directory.path, "-c", configuration.path, "-e", "stderr"],
            in: directory, name: "nginx")
        let port = port
        _ = try eventually("nginx answers: \(server.text)") {
            try curl("http://127.0.0.1:\(port)/").status > 0 ? true : nil
        }
    }

    /// How often it was asked for a path.
    package func requests(for path: String) -> Int {
        let text = (try? String(contentsOf: accessLog, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").count { $0.contains("GET \(path) ") }
    }
}

/// A port that was free a moment ago.
package func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, size) == 0 ? getsockname(descriptor, generic, &size) : -1
        }
    }
    guard code == 0 else { throw TimedOut(description: "no free port: errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
}
