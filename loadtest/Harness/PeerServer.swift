import Foundation

/// nginx with its RTMP module making plain HLS, and a second nginx server in front as its cache: a peer to compare with.
package final class PeerServer {
    package let rtmpPort: Int
    /// The server that writes the playlists.
    package let originPort: Int
    /// The cache in front of it, which viewers ask.
    package let cachePort: Int
    private let server: ChildProcess

    package init(in directory: URL) throws {
        rtmpPort = try freePort()
        originPort = try freePort()
        cachePort = try freePort()
        let nginx = Fleet.fetched("nginx")
        let media = directory.appendingPathComponent("hls").path
        let configuration = directory.appendingPathComponent("peer.conf")
        try """
        load_module \(nginx)/usr/lib/nginx/modules/ngx_rtmp_module.so;
        daemon off; master_process off; pid nginx.pid; error_log stderr;
        events { worker_connections 4096; }
        rtmp {
            access_log off;
            server {
                listen 127.0.0.1:\(rtmpPort);
                application live { live on; hls on; hls_path \(media); hls_fragment 1s; hls_playlist_length 10s; }
            }
        }
        http {
            access_log off; types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            proxy_cache_path \(directory.appendingPathComponent("cache").path) keys_zone=hls:1m;
            server {
                listen 127.0.0.1:\(originPort);
                location /hls/ { alias \(media)/; }
            }
            server {
                listen 127.0.0.1:\(cachePort);
                location / {
                    proxy_pass http://127.0.0.1:\(originPort); proxy_cache hls; proxy_cache_lock on;
                    proxy_cache_valid 200 10m; add_header X-Cache-Status $upstream_cache_status;
                }
                location ~ m3u8$ {
                    proxy_pass http://127.0.0.1:\(originPort); proxy_cache hls; proxy_cache_lock on;
                    proxy_cache_valid 200 1s; proxy_cache_use_stale updating;
                }
            }
        }
        """.write(to: configuration, atomically: true, encoding: .utf8)
        server = try ChildProcess(
            "\(nginx)/usr/sbin/nginx", ["-p", directory.path, "-c", configuration.path, "-e", "stderr"], in: directory,
            name: "peer")
        _ = try eventually("nginx answers: \(server.text)") {
            try curl("http://127.0.0.1:\(cachePort)/").status > 0 ? true : nil
        }
    }
}
