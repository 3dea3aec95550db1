import Foundation

/// A player that is not ours, playing a stream without a screen and without a loudspeaker.
package protocol Player: AnyObject {
    var name: String { get }
    /// What it has played so far; nil before it can tell.
    func played() throws -> PlayedFrames?
    /// What it says is wrong with the stream.
    func complaints() throws -> [String]
}

/// Frames of picture, and AAC frames of sound, that a player has played.
package struct PlayedFrames: Equatable {
    package let picture: Int
    package let sound: Int

    package init(picture: Int, sound: Int) {
        self.picture = picture
        self.sound = sound
    }
}
