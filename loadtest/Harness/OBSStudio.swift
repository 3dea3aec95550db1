import Foundation

/// OBS Studio publishing a clip that it plays over and over, on a screen that exists in memory alone.
package final class OBSStudio {
    package let process: ChildProcess
    private let screen: ChildProcess

    /// Publishes `clip` to `server` under `key`, 320×180 at 30 frames a second.
    package init(publishing clip: URL, to server: String, key: String, in directory: URL) throws {
        let home = directory.appendingPathComponent("obs")
        try Self.configure(home.appendingPathComponent("obs-studio"), clip: clip, server: server, key: key)
        let runtime = home.appendingPathComponent("runtime")
        try FileManager.default.createDirectory(
            at: runtime, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // It takes a free number and writes it as a line.
        let screen = try ChildProcess(
            "Xvfb", ["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"], in: directory, name: "xvfb")
        self.screen = screen
        let display = try eventually("a screen: \(screen.text)") {
            screen.lines.first { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
        }
        process = try ChildProcess(
            "env",
            [
                "DISPLAY=:\(display)", "HOME=\(home.path)", "XDG_CONFIG_HOME=\(home.path)",
                "XDG_RUNTIME_DIR=\(runtime.path)", "LIBGL_ALWAYS_SOFTWARE=1", "QT_QPA_PLATFORM=xcb", "obs", "--multi",
                "--minimize-to-tray", "--startstreaming", "--profile", "test", "--collection", "test",
            ], in: directory, name: "obs")
    }

    deinit { stop() }

    package func stop() {
        process.stop()
        screen.stop()
    }

    /// Writes what its windows would ask for: that it has been used before, a profile, and a scene with the clip.
    private static func configure(_ folder: URL, clip: URL, server: String, key: String) throws {
        let files = FileManager.default
        let profile = folder.appendingPathComponent("basic/profiles/test")
        let scenes = folder.appendingPathComponent("basic/scenes")
        for folder in [profile, scenes] { try files.createDirectory(at: folder, withIntermediateDirectories: true) }
        try """
        [General]
        FirstRun=true
        InfoIncrement=999
        LastVersion=486539266
        EnableAutoUpdates=false
        [Basic]
        Profile=test
        ProfileDir=test
        SceneCollection=test
        SceneCollectionFile=test
        [OBSWebSocket]
        FirstLoad=false
        ServerEnabled=false
        """.write(to: folder.appendingPathComponent("global.ini"), atomically: true, encoding: .utf8)
        try """
        [General]
        Name=test
        [Video]
        BaseCX=320
        BaseCY=180
        OutputCX=320
        OutputCY=180
        FPSType=0
        FPSCommon=30
        [Output]
        Mode=Simple
        [SimpleOutput]
        VBitrate=500
        ABitrate=96
        StreamEncoder=x264
        UseAdvanced=true
        Preset=ultrafast
        x264Settings=keyint=60
        [Audio]
        SampleRate=48000
        ChannelSetup=Stereo
        """.write(to: profile.appendingPathComponent("basic.ini"), atomically: true, encoding: .utf8)
        let service: [String: Any] = ["type": "rtmp_custom", "settings": ["server": server, "key": key]]
        try write(service, to: profile.appendingPathComponent("service.json"))
        let source: [String: Any] = [
            "id": "ffmpeg_source", "name": "Clip", "mixers": 255, "volume": 1.0,
            "settings": ["is_local_file": true, "local_file": clip.path, "looping": true],
        ]
        let item: [String: Any] = [
            "name": "Clip", "id": 1, "visible": true, "align": 5, "pos": ["x": 0.0, "y": 0.0],
            "scale": ["x": 1.0, "y": 1.0],
        ]
        let scene: [String: Any] = ["id": "scene", "name": "Scene", "settings": ["id_counter": 1, "items": [item]]]
        let collection: [String: Any] = [
            "name": "test", "current_scene": "Scene", "current_program_scene": "Scene",
            "scene_order": [["name": "Scene"]], "sources": [source, scene],
        ]
        try write(collection, to: scenes.appendingPathComponent("test.json"))
    }

    private static func write(_ object: [String: Any], to file: URL) throws {
        try JSONSerialization.data(withJSONObject: object).write(to: file)
    }
}
