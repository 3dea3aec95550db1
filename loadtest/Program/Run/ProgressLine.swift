import Foundation

/// What a run says while it runs: one line that is drawn anew on a terminal, plain lines elsewhere.
final class ProgressLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lastPlain = Date.distantPast
    private var isDrawn = false

    /// `text` is the state; without a terminal it is said every five seconds.
    func show(_ text: String) {
        if isTerminal {
            isDrawn = true
            write("\r\u{1B}[K\(text.prefix(terminalWidth - 1))")
        } else if Date().timeIntervalSince(lastPlain) >= 5 {
            lastPlain = Date()
            write("\(text)\n")
        }
    }

    /// Something that happened, on a line of its own.
    func say(_ text: String) {
        if isDrawn { write("\r\u{1B}[K") }
        isDrawn = false
        write("\(text)\n")
    }

    private var terminalWidth: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 100
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
