import Foundation
import Harness

/// The servers that an edge is compared with, each in front of the same origin, with the configuration that its own
/// guide recommends for small cached objects.
struct CachePeers {
    let directory: URL
    let originPort: Int
    let documents: URL

    /// The same servers in front of another origin.
    func before(originPort: Int) -> CachePeers {
        CachePeers(directory: directory, originPort: originPort, documents: documents)
    }

    /// Our edge, with its upstream in the clear.
    func needletail() throws -> CachePeer {
        let ports = try freshPorts()
        try """
        name: bench
        http:
          listen: "127.0.0.1:\(ports[.clear] ?? 0)"
          limits:
            {connections_per_address: 20000, parked_requests_per_address: 20000, idle_timeout: 10m, request_timeout: 2m}
        https: {listen: "127.0.0.1:\(ports[.secure] ?? 0)"}
        tls: {certificate: cert.pem, key: key.pem}
        upstreams: [{url: "http://127.0.0.1:\(originPort)", timeout: 2m}]
        """.write(to: directory.appendingPathComponent("edge.yaml"), atomically: true, encoding: .utf8)
        // Both versions of HTTP are spoken on the clear port.
        return try CachePeer.start(
            name: "needletail", version: "this", ports: ports.merging([.http1: ports[.clear] ?? 0]) { $1 },
            command: [Fleet.program, "edge", "--config", "edge.yaml"], in: directory)
    }

    func nginx() throws -> CachePeer {
        let ports = try freshPorts()
        let program = Fleet.fetched("nginx/usr/sbin/nginx")
        try """
        user root; daemon off; worker_processes 1; pid cache.pid; error_log stderr;
        events { worker_connections 20000; }
        http {
            access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
            client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
            proxy_cache_path cache keys_zone=zone:16m max_size=256m;
            ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_session_cache shared:s:1m;
            upstream origin { server 127.0.0.1:\(originPort); keepalive 16; }
            server {
                listen 127.0.0.1:\(ports[.http1] ?? 0);
                listen 127.0.0.1:\(ports[.clear] ?? 0) http2;
                listen 127.0.0.1:\(ports[.secure] ?? 0) ssl http2;
                location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
                             proxy_cache zone; proxy_cache_lock on; }
            }
        }
        """.write(to: directory.appendingPathComponent("cache.conf"), atomically: true, encoding: .utf8)
        return try CachePeer.start(
            name: "nginx", version: try version(program, "-v"), ports: ports,
            command: [program, "-p", directory.path, "-c", "\(directory.path)/cache.conf", "-e", "stderr"],
            in: directory)
    }

    /// Varnish ends no TLS: in the clear alone.
    func varnish() throws -> CachePeer {
        let port = try freePort()
        let program = Fleet.fetched("varnish/usr/sbin/varnishd")
        return try CachePeer.start(
            name: "varnish", version: try version(program, "-V"), ports: [.http1: port, .clear: port],
            command: [
                program, "-F", "-j", "none", "-n", directory.appendingPathComponent("varnish").path, "-a",
                "127.0.0.1:\(port),HTTP", "-b", "127.0.0.1:\(originPort)", "-s", "malloc,256m", "-p",
                "feature=+http2", "-p", "thread_pool_max=8000", "-p", "listen_depth=4096",
            ], in: directory)
    }

    /// h2o has no cache: it serves the files themselves, as fast as any HTTP/2 server can.
    func h2o() throws -> CachePeer {
        let ports = try freshPorts()
        let program = Fleet.fetched("h2o/usr/bin/h2o")
        try """
        user: root
        num-threads: 1
        listen: {host: 127.0.0.1, port: \(ports[.clear] ?? 0)}
        listen:
          host: 127.0.0.1
          port: \(ports[.secure] ?? 0)
          ssl: {certificate-file: cert.pem, key-file: key.pem, ocsp-update-interval: 0}
        hosts:
          default:
            paths: {/: {file.dir: "\(documents.path)"}}
        """.write(to: directory.appendingPathComponent("h2o.yaml"), atomically: true, encoding: .utf8)
        return try CachePeer.start(
            name: "h2o", version: try version(program, "--version"),
            ports: ports.merging([.http1: ports[.clear] ?? 0]) { $1 }, command: [program, "-c", "h2o.yaml"],
            in: directory)
    }

    private func freshPorts() throws -> [CachePeer.Face: Int] {
        var ports: [CachePeer.Face: Int] = [:]
        for face in CachePeer.Face.allCases { ports[face] = try freePort() }
        return ports
    }

    private func version(_ program: String, _ flag: String) throws -> String {
        let result = try run(program, [flag])
        let text = String(decoding: result.output, as: UTF8.self) + result.errors
        return text.firstMatch(of: /\d+\.\d+(\.\d+)?/).map { String($0.0) } ?? "?"
    }
}
