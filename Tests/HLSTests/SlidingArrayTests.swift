import Seeded
import Testing

@testable import HLS

/// What grows at its end and goes at its front is an array all the while.
@Suite struct SlidingArrayTests {
    private final class Counted {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    private struct Weak { weak var value: Counted? }

    @Test("Whatever comes and goes, it reads as an array would", arguments: 0..<3 as Range<UInt64>)
    func lives(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var sliding = SlidingArray<[Int]>()
        var plain: [[Int]] = []
        for step in 0..<4_000 {
            // Grows for a while, shrinks for a while, and is empty now and then.
            switch Int.random(in: 0..<(step % 1_000 < 500 ? 12 : 20), using: &random) {
            case 0..<7:
                sliding.append([step])
                plain.append([step])
            case 7: #expect(sliding.popLast() == plain.popLast())
            case 8 where !plain.isEmpty:
                let index = Int.random(in: plain.indices, using: &random)
                sliding[index].append(step)
                plain[index].append(step)
            default: #expect(sliding.popFirst() == (plain.isEmpty ? nil : plain.removeFirst()))
            }
            #expect(sliding.count == plain.count && sliding.first == plain.first && sliding.last == plain.last)
            if step % 40 == 0 { #expect(sliding.elementsEqual(plain), "step \(step)") }
        }
    }

    @Test("A copy keeps what it has")
    func copies() {
        var sliding = SlidingArray<Int>()
        for number in 0..<100 { sliding.append(number) }
        let copy = sliding
        for _ in 0..<60 { sliding.popFirst() }
        sliding[0] = 7
        #expect(Array(copy) == Array(0..<100))
        #expect(Array(sliding) == [7] + Array(61..<100))
    }

    @Test("What has gone is let go, all but an eighth")
    func memory() {
        var sliding = SlidingArray<Counted>()
        var all: [Weak] = []
        for number in 0..<5_000 {
            let counted = Counted(number)
            all.append(Weak(value: counted))
            sliding.append(counted)
            if number >= 800 { sliding.popFirst() }
        }
        #expect(sliding.first?.number == 4_200)
        #expect(all.count { $0.value != nil } <= 800 + 800 / 7 + 17)
    }
}
